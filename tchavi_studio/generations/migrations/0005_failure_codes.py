import re

from django.db import migrations, models

# What the studio itself used to store as a failure's message: its code then (None: any), the message, its code now
# ("": as it was). A number in the message becomes a figure of the name of its group.
OWN_MESSAGES = [
    ("reference_unreadable", r"The first frame could not be (read|decoded)\.", "first_frame_unreadable"),
    ("reference_unreadable", r"The last frame could not be (read|decoded)\.", "last_frame_unreadable"),
    (
        "reference_unreadable",
        r"Reference image (?P<number>\d{1,3}) could not be (read|decoded)\.",
        "reference_image_unreadable",
    ),
    (
        "reference_unreadable",
        r"Reference video (?P<number>\d{1,3}) could not be (read|decoded)\.",
        "reference_video_unreadable",
    ),
    (
        "reference_unreadable",
        r"Reference audio (?P<number>\d{1,3}) could not be (read|decoded)\.",
        "reference_audio_unreadable",
    ),
    ("render_failed", r"The preview engine could not render this request\.", ""),
    ("render_failed", r"The preview engine could not be started\.", "render_not_started"),
    ("render_failed", r"The preview engine stopped before the clip was done\.", "render_stopped"),
    ("render_timed_out", r"Rendering the preview took too long\.", ""),
    ("render_interrupted", r"The render stopped (?P<count>\d{1,3}) times without finishing\.", ""),
    ("output_unreadable", r"The finished clip arrived damaged or incomplete, so it was not kept\.", ""),
    (
        "upstream_unknown",
        r"The provider's answer was lost, so it is not known whether the clip is being made\.",
        "",
    ),
    ("upstream_timeout", r"The provider did not finish this clip in time\.", ""),
    ("account_unavailable", r"The studio's account at the provider could not be used for too long\.", ""),
    ("request_not_sendable", r".*", ""),
    ("reference_refused", r"https?://\S+ does not offer [^\n]+\.", ""),
    (None, r"The provider gave no reason\.", ""),
    (None, r"The server answered \d{3} without an explanation\.", ""),
]


def store_codes(apps, schema_editor):
    """Turn the studio's own sentences into codes and figures. What a provider said stays as it came."""
    generations = apps.get_model("generations", "Generation").objects.using(schema_editor.connection.alias)
    told = list(generations.exclude(error_message="").values_list("pk", "error_code", "error_message"))
    for pk, code, message in told:
        for old_code, pattern, new_code in OWN_MESSAGES:
            if old_code in (None, code) and (match := re.fullmatch(pattern, message, re.DOTALL)):
                generations.filter(pk=pk).update(
                    error_code=new_code or code,
                    error_figures={name: int(digits) for name, digits in match.groupdict().items()},
                    error_message="",
                )
                break


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0004_one_lease"),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="error_figures",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(store_codes, migrations.RunPython.noop),
    ]
