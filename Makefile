# Thin aliases: each is a command that also works without make.
LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: run test e2e check ci torture generate fmt lint bench

run: ; go run .

test: ; go test ./...

e2e: ; go test -count=1 -v ./e2e/...

check: ; .ci/run check

ci: ; .ci/run

torture: ; .ci/torture

generate: ; go tool templ generate

fmt: ; gofmt -w . && go tool templ fmt .

lint: ; $(LINT) run

bench: ; go test -run '^$$' -bench . -benchmem ./...
