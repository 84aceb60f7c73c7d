# Compiled on the builder's own processor, for that of the image: docker build --platform linux/arm64 needs no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
# The modules are a layer of their own, which only another go.mod or go.sum builds again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
# What "latchkey version" says; there is no repository here to ask: docker build --build-arg VERSION=v1.2.3
ARG VERSION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w -X latchkey/internal/app.release=$VERSION" -o /out/latchkey .
RUN mkdir -p /volume && mkdir -m 0700 /volume/data

# CA certificates and time zones, and neither a shell nor a libc.
FROM gcr.io/distroless/static-debian13:nonroot
COPY --from=build /out/latchkey /latchkey
# A fresh volume takes its owner and mode from here.
COPY --from=build --chown=65532:65532 /volume/ /
# By number, so that a platform can see that it is not root.
USER 65532:65532
ENV LATCHKEY_ADDR=0.0.0.0:8080 LATCHKEY_DATA=/data
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/latchkey", "health"]
ENTRYPOINT ["/latchkey"]
