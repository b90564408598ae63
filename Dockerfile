# An image of the server: `docker build -t hashpost .`; compose.yaml adds a PostgreSQL.
FROM python:3.13-slim AS build
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
WORKDIR /build
COPY requirements-build.txt requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-build.txt \
 && python -m venv --without-pip /opt/hashpost \
 && uv pip install --no-cache --python /opt/hashpost/bin/python --compile-bytecode --require-hashes -r requirements.txt
COPY pyproject.toml setup.py README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && uv pip install --no-cache --python /opt/hashpost/bin/python --compile-bytecode --no-deps dist/*.whl

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /var/lib/hashpost hashpost
COPY --from=build /opt/hashpost /opt/hashpost
ENV PATH=/opt/hashpost/bin:$PATH \
    HASHPOST_HOST=0.0.0.0 \
    HASHPOST_LOG_FORMAT=json
USER hashpost
# The SQLite file, its key and mails lie here unless settings say otherwise.
WORKDIR /var/lib/hashpost
VOLUME /var/lib/hashpost
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["hashpost"]
CMD ["serve"]
