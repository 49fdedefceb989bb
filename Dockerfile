FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libpg-query-dev libedit-dev libjemalloc-dev liburing-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
# The package names them all.
COPY Sources ./Sources
COPY Tests ./Tests
COPY Benchmarks ./Benchmarks
COPY examples/swift ./examples/swift
RUN swift build -c release --product cistern --static-swift-stdlib \
    && install -D "$(swift build -c release --static-swift-stdlib --show-bin-path)/cistern" /out/cistern

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 libpg-query1504.0 libedit2 libjemalloc2 liburing2 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home cistern
COPY --from=build /out/cistern /usr/local/bin/cistern
COPY proxy.conf /etc/cistern/proxy.conf
USER cistern
ENV CISTERN_LISTEN_LINE=0.0.0.0:7432 CISTERN_LISTEN_HTTP=0.0.0.0:7480
EXPOSE 7432 7480
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["cistern", "ping", "--connect", "127.0.0.1:7432"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["cistern"]
CMD ["serve", "--config", "/etc/cistern/proxy.conf"]
