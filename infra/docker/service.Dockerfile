# One image a service: docker build --build-arg SERVICE=settler -f infra/docker/service.Dockerfile .
# EXTRA and PACKAGES add an optional part of it, and the packages of Debian which that needs.
# The build follows the machine's own package index and certificates, where it has any: PIP_INDEX_URL and
# UV_DEFAULT_INDEX as build arguments, a bundle of certificates as the secret `certificates`.
FROM python:3.11-slim-bookworm AS build
ARG SERVICE
ARG EXTRA
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV UV_PROJECT_ENVIRONMENT=/opt/jobforge UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN --mount=type=secret,id=certificates --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi; \
    if [ -z "$PIP_INDEX_URL" ]; then unset PIP_INDEX_URL; fi; \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install -q uv
WORKDIR /src
COPY pyproject.toml ./
COPY libs libs
COPY infra/native infra/native
COPY services/${SERVICE} services/${SERVICE}
RUN --mount=type=secret,id=certificates --mount=type=cache,target=/root/.cache/uv \
    if [ -s /run/secrets/certificates ]; then export SSL_CERT_FILE=/run/secrets/certificates; fi; \
    if [ -z "$UV_DEFAULT_INDEX" ]; then unset UV_DEFAULT_INDEX; fi; \
    /opt/uv/bin/uv sync -q --no-dev --no-editable --package "jobforge-${SERVICE}" ${EXTRA:+--extra "$EXTRA"}

FROM python:3.11-slim-bookworm
ARG SERVICE
ARG PACKAGES
RUN if [ -n "$PACKAGES" ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends $PACKAGES \
 && rm -rf /var/lib/apt/lists/*; fi
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin jobforge \
 && install -d -o 10001 -g 10001 /var/lib/jobforge/artifacts
COPY --from=build /opt/jobforge /opt/jobforge
ENV PATH=/opt/jobforge/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 JOBFORGE_SERVICE=${SERVICE}
USER 10001:10001
EXPOSE 8080
CMD ["sh", "-c", "exec uvicorn --factory jobforge.$JOBFORGE_SERVICE.app:create_app --host 0.0.0.0 --port 8080 --no-access-log --no-proxy-headers --http httptools --loop uvloop --timeout-keep-alive 75 --timeout-graceful-shutdown 22"]
