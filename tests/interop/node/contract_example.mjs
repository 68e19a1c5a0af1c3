// Makes a clip as documented, in plain fetch: request it, poll the job until it has ended, and read every field of its
// record. Only BASE_URL and API_KEY differ between providers. With JOB_ID it follows that job instead.

const { BASE_URL, API_KEY, JOB_ID } = process.env;
const headers = { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" };

async function call(method, path, body) {
  const response = await fetch(`${BASE_URL}${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return { status: response.status, record: await response.json() };
}

/** The value of a field like `output.video_url`; it must be there. */
function read(record, field) {
  const value = field.split(".").reduce((part, name) => part?.[name], record);
  if (value === undefined || value === null) throw new Error(`no ${field} in ${JSON.stringify(record)}`);
  return value;
}

const FIELDS = ["id", "status", "model", "created_at", "tchavi.credits_used"];
const FIELDS_AT_THE_END = {
  completed: [
    "output.video_url",
    "output.duration",
    "output.resolution",
    "output.file_size_mb",
    "output.url_expires_at",
  ],
  failed: ["error.message", "error.code", "tchavi.credits_refunded"],
};

const request = { model: "seedance-2", prompt: "A paper boat drifts down a rain-filled street", duration: 1 };
let id = JOB_ID;
if (!id) {
  const accepted = await call("POST", "/videos/generations", request);
  if (accepted.status !== 202) throw new Error(`accepted with ${accepted.status}`);
  id = read(accepted.record, "job.id");
}

const statuses = [];
let job;
do {
  if (job) await new Promise((resolve) => setTimeout(resolve, 250));
  job = (await call("GET", `/jobs/${id}`)).record;
  for (const field of FIELDS) read(job, field);
  if (statuses.at(-1) !== job.status) statuses.push(job.status);
  const is_open = job.status === "pending" || job.status === "processing";
  if (is_open && job.output !== undefined) throw new Error("an open job has output");
} while (!(job.status in FIELDS_AT_THE_END));

const seen = [...FIELDS, ...FIELDS_AT_THE_END[job.status]].map((field) => [field, read(job, field)]);
const result = { statuses, job: Object.fromEntries(seen) };
if (job.status === "completed") {
  const clip = await fetch(job.output.video_url);
  result.clip = {
    status: clip.status,
    type: clip.headers.get("Content-Type"),
    bytes: (await clip.arrayBuffer()).byteLength,
  };
}
console.log(JSON.stringify(result));
