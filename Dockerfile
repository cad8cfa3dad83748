# The two images of the project: `npm run image -- --target operator|sleeper --tag REPO:TAG`.
#
# Neither has a base of somebody else: every file comes from this checkout, from a package of
# package-lock.json, or from a Debian package that .ci/image/pins.json pins by hash. So the image in which
# they are put together leaves no file in them; its default is a moving tag, which --builder
# docker.io/library/node@sha256:… replaces (any Debian 12 with npm serves).
#
# .ci/image/build.ts also builds these targets without a container engine: by --oci and --push, the same
# bytes at every build. It reads how they run from here, and knows no more instructions in them than
# there are. A container engine makes the same files and the same way to run, but notes when it did so.
# For the same bytes at each of its builds it must be told a time, and packs layers in its own way even
# then:
#   docker buildx build --build-arg SOURCE_DATE_EPOCH=0 --provenance=false \
#     --output type=oci,rewrite-timestamp=true,dest=FILE
#   podman build --timestamp 0, buildah build --timestamp 0
# (moby/buildkit: docs/build-repro.md; containers/buildah: docs/buildah-build.1.md)
ARG BUILDER=docker.io/library/node:24-bookworm-slim

FROM ${BUILDER} AS roots
WORKDIR /project
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN apt-get update \
    && node_modules/.bin/node .ci/image/build.ts --target sleeper --root /roots/sleeper \
    && node_modules/.bin/node .ci/image/build.ts --target operator --root /roots/operator

# The source of the static `sleep` that cache containers run. Its version changes when its content does:
# an upgrade of the operator must not roll every cache.
FROM scratch AS sleeper
COPY --from=roots /roots/sleeper/ /
LABEL name="kubernetes-image-puller-sleeper" \
      vendor="Eclipse Che" \
      maintainer="Eclipse Che" \
      version="1.0.0" \
      release="1" \
      summary="The sleep of cached images" \
      description="A static sleep for the containers that keep images on a node, and sh and cp to copy it" \
      io.k8s.display-name="Kubernetes Image Puller sleeper" \
      io.k8s.description="A static sleep for the containers that keep images on a node, and sh and cp to copy it" \
      io.openshift.tags="image-puller,cache" \
      org.opencontainers.image.title="kubernetes-image-puller-sleeper" \
      org.opencontainers.image.description="A static sleep for the containers that keep images on a node, and sh and cp to copy it" \
      org.opencontainers.image.vendor="Eclipse Che" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.licenses="GPL-2.0-only"
ENV PATH=/bin
USER 65532:65532
ENTRYPOINT ["/bin/sleep"]
CMD ["87600h"]

# Operator and puller, by argument. sh, cp and sleep serve init containers of older versions, which take
# their `sleep` from here.
FROM scratch AS operator
COPY --from=roots /roots/operator/ /
LABEL name="kubernetes-image-puller-operator" \
      vendor="Eclipse Che" \
      maintainer="Eclipse Che" \
      version="2.0.0" \
      release="1" \
      summary="Keeps container images on every node" \
      description="Keeps container images on every node of a Kubernetes cluster, so that workloads start without pulling" \
      io.k8s.display-name="Kubernetes Image Puller operator" \
      io.k8s.description="Keeps container images on every node of a Kubernetes cluster, so that workloads start without pulling" \
      io.openshift.tags="image-puller,cache,operator" \
      org.opencontainers.image.title="kubernetes-image-puller-operator" \
      org.opencontainers.image.description="Keeps container images on every node of a Kubernetes cluster, so that workloads start without pulling" \
      org.opencontainers.image.vendor="Eclipse Che" \
      org.opencontainers.image.version="2.0.0" \
      org.opencontainers.image.licenses="EPL-2.0"
ENV PATH=/bin
USER 65532:65532
ENTRYPOINT ["/bin/image-puller"]
CMD ["operator"]
