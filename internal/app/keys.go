package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"latchkey/internal/app/config"
	"latchkey/internal/app/texts"
)

// keyLength is that of AES-256 and of a full-strength HMAC-SHA-256 key.
const keyLength = 32

// keyRing holds what is derived from the session keys, newest first. One ring rotates both uses: put a new key in front,
// and take the old one out when what it made has ended.
type keyRing struct {
	sealing [][]byte // the dashboard's web sessions
	signing [][]byte // refresh tokens of the client API
}

// loadKeyRing takes the session keys from the environment, from the file it names, or from the data directory.
func loadKeyRing(cfg config.Settings, dir dataDir) (keyRing, error) {
	source, text, err := keySource(cfg, dir)
	if err != nil {
		return keyRing{}, err
	}
	decoded, err := texts.Decode([]byte(text))
	if err != nil {
		return keyRing{}, fmt.Errorf("%s cannot be read: %w", source, err)
	}
	secrets, err := parseSessionKeys(string(decoded))
	if err != nil {
		return keyRing{}, fmt.Errorf("%s: %w", source, err)
	}
	var ring keyRing
	for _, secret := range secrets {
		sealing, err := hkdf.Key(sha256.New, secret, nil, "latchkey web session sealing", keyLength)
		if err != nil {
			return keyRing{}, err
		}
		signing, err := hkdf.Key(sha256.New, secret, nil, "latchkey refresh token signing", keyLength)
		if err != nil {
			return keyRing{}, err
		}
		ring.sealing = append(ring.sealing, sealing)
		ring.signing = append(ring.signing, signing)
	}
	return ring, nil
}

func keySource(cfg config.Settings, dir dataDir) (source, text string, err error) {
	switch {
	case cfg.SessionKeys != "":
		return config.SessionKeysVariable, cfg.SessionKeys.Reveal(), nil
	case cfg.SessionKeysFile != "":
		source = fmt.Sprintf("%s is %q", config.SessionKeysFileVariable, cfg.SessionKeysFile)
		content, err := os.ReadFile(cfg.SessionKeysFile)
		if err != nil {
			return "", "", fmt.Errorf("%s: it cannot be read (%w)", source, err)
		}
		return source, string(content), nil
	default:
		content, err := dir.secret(sessionKeysFile, newSessionKeys)
		return fmt.Sprintf("--data (LATCHKEY_DATA) is %q: its file %s", dir.path, sessionKeysFile), string(content), err
	}
}

// parseSessionKeys reads one base64 key per line (or, for a variable, between commas), newest first. No complaint
// repeats a key.
func parseSessionKeys(text string) ([][]byte, error) {
	var keys [][]byte
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) { // old Macs end lines so
		line, _, _ = strings.Cut(line, "#")
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			key, err := decodeBase64(part)
			if err != nil {
				return nil, fmt.Errorf("key %d is not base64, and must be %d random bytes in base64", len(keys)+1, keyLength)
			}
			if len(key) != keyLength {
				return nil, fmt.Errorf("key %d is %d bytes long, and must be %d random bytes in base64", len(keys)+1, len(key), keyLength)
			}
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it, and must be one of %d random bytes in base64 at least", keyLength)
	}
	return keys, nil
}

// decodeBase64 takes both alphabets, padded or not: the tools that people make keys with differ.
func decodeBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}

func newSessionKeys() ([]byte, error) {
	key := make([]byte, keyLength)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Session keys, one per line, newest first: they seal web sessions and sign refresh tokens.\n")
	b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return b.Bytes(), nil
}

// loadAccessKey gives the key that signs access tokens; its public half is at /.well-known/jwks.json.
func loadAccessKey(dir dataDir) (*ecdsa.PrivateKey, error) {
	content, err := dir.secret(accessKeyFile, newAccessKey)
	if err != nil {
		return nil, err
	}
	key, err := parseAccessKey(content)
	if err != nil {
		return nil, dir.refuse("its file "+accessKeyFile+" cannot be used", err)
	}
	return key, nil
}

func parseAccessKey(content []byte) (*ecdsa.PrivateKey, error) {
	content, err := texts.Decode(content)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it must be a PEM file with a PKCS #8 private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key in it is damaged")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("the private key must be of the curve P-256")
	}
	return key, nil
}

func newAccessKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
