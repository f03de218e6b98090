# The service as a container: compiled in one stage, its binary and the libraries that it needs in the other.
#
#   docker build -t simple-request .
#   docker run -d -p 127.0.0.1:3333:3333 -v counter-data:/data --read-only simple-request
#
# BASE is a Debian whose archive has libllhttp and libyyjson: 13 and later. docs/STACK.md says what else there is to know.
ARG BASE=debian:13.2-slim

FROM ${BASE} AS build
WORKDIR /source
# Before the source, so that this layer lasts until what is needed changes. git tells the binary its commit.
COPY scripts/install-deps scripts/
RUN scripts/install-deps run && apt-get install -y -qq --no-install-recommends git binutils
COPY . .
RUN scripts/build build --only simple-request \
 && install -D -s build/simple-request /out/simple-request \
 && ldd /out/simple-request | sed -n 's,.* => .*/\([^ ]*\) .*,*/\1,p' | xargs dpkg-query -S \
  | cut -d: -f1 | sort -u >/out/packages

FROM ${BASE}
LABEL org.opencontainers.image.title="simple-request" \
      org.opencontainers.image.description="Durable counters over HTTP"
COPY --from=build /out/packages /usr/share/doc/simple-request/packages
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates $(cat /usr/share/doc/simple-request/packages) \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && install -d -o 10001 -g 10001 -m 700 /data
COPY --from=build /out/simple-request /usr/bin/simple-request
# By number, so that an orchestrator sees that it is not root. A volume that is new gets the directory's owner.
USER 10001:10001
VOLUME /data
EXPOSE 3333
# `docker stop` kills after 10 seconds unless told otherwise: the drain is over before that.
ENV LISTEN=0.0.0.0 DATA_DIR=/data DRAIN_TIMEOUT=8s
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=6s --start-period=30s --retries=3 CMD ["simple-request", "healthcheck"]
ENTRYPOINT ["simple-request"]
