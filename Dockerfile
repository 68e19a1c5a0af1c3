# The studio in one container: web server, background work and watchdog under one supervisor.
FROM python:3.13-slim AS build
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /studio studio && install -d -o studio -g studio -m 700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /studio
COPY manage.py LICENSE ./
COPY static static
COPY templates templates
COPY tchavi_studio tchavi_studio
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STUDIO_DATA=/data HOST=0.0.0.0 PORT=8000
USER studio
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz')"]
CMD ["python", "manage.py", "studio"]
