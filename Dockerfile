# marrowscope in a container, from the sources beside this file:
#   docker build -t marrowscope .
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" marrowscope predict cells/
# Research use only. Not a medical device; not for diagnosis.
# Extras: docker build --build-arg EXTRAS=pdf,dicom -t marrowscope .

ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
ARG EXTRAS=
# The wheel first, so that the image gets what a user of the wheel gets; versions are those that
# the tests ran with.
RUN python -m venv /opt/marrowscope \
 && pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && /opt/marrowscope/bin/pip install --no-cache-dir --constraint constraints.txt \
      "$(echo /wheels/marrowscope-*.whl)${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="marrowscope" \
      org.opencontainers.image.description="Bone-marrow cytomorphology, from images to counts. Research use only." \
      org.opencontainers.image.licenses="Apache-2.0"
ARG EXTRAS=
# Pango lays out the PDF of a report. Debian's stable release fixes its version.
# hadolint ignore=DL3008
RUN case ",$EXTRAS," in \
      *,pdf,*|*,all,*) apt-get update \
        && apt-get install --yes --no-install-recommends \
             libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
        && rm -rf /var/lib/apt/lists/* ;; \
    esac \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin marrowscope \
 && mkdir /data && chown 10001:10001 /data
COPY --from=build /opt/marrowscope /opt/marrowscope
# Any user may run it (docker run -u): what libraries keep goes where everyone can write.
ENV PATH=/opt/marrowscope/bin:$PATH \
    PYTHONUTF8=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    NUMBA_CACHE_DIR=/tmp/cache/numba
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["marrowscope"]
CMD ["--help"]
