FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/latchkey .
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
