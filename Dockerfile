# The runner as an image: Node, the libraries that it links to, and one bundled file. No shell, no package manager, nothing to log in with.
# `npm run image` builds it with docker, podman or buildah; `docker build .` does too.
ARG NODE_IMAGE=docker.io/library/node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# Before the sources, so that a change of these doesn't install everything again. No package may run a script of its own here.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.mjs scripts/
COPY lib/contract lib/contract
COPY runtime runtime
RUN node scripts/build.mjs --bundle
# What the final stage consists of. `ldd` names the libraries by the paths at which this architecture's loader looks for them; glibc
# resolves names by itself, but must be told that /etc/hosts goes before DNS. Certificate authorities are part of Node.
RUN set -eu; \
    node="$(command -v node)"; \
    mkdir -p /image/app /image/etc; \
    mkdir -m 1777 /image/tmp; \
    install -D -m 0755 "$node" /image/usr/local/bin/node; \
    ldd "$node" | grep -o '/[^ ]*' | sort -u | xargs -I LIBRARY cp -L --parents LIBRARY /image; \
    install -m 0644 dist/tempo-backup.js /image/app/tempo-backup.js; \
    printf 'root:x:0:0::/:/nonexistent\ntempo:x:10001:10001::/tmp:/nonexistent\n' >/image/etc/passwd; \
    printf 'root:x:0:\ntempo:x:10001:\n' >/image/etc/group; \
    printf 'hosts: files dns\n' >/image/etc/nsswitch.conf

FROM scratch
LABEL org.opencontainers.image.title="tempo-backup" \
      org.opencontainers.image.description="Backup and recovery of Grafana Tempo: the runner" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
COPY LICENSE /app/
ENV PATH=/usr/local/bin HOME=/tmp
# Tempo's own user and group, so that its files can be read, and restored ones are its own.
USER 10001:10001
WORKDIR /app
ENTRYPOINT ["/usr/local/bin/node", "/app/tempo-backup.js"]
CMD ["--help"]
