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
	"latchkey/internal/model"
)

// keyLength is that of AES-256 and of a full-strength HMAC-SHA-256 key.
const keyLength = 32

// keyRing holds what is derived from the session keys, newest first. One ring rotates both uses: put a new key in front,
// and take the old one out when what it made has ended.
type keyRing struct {
	sealing [][]byte // the dashboard's web sessions
	signing [][]byte // refresh tokens of the client API
	hooks   [][]byte // secrets of webhooks
}

// loadKeys gives the session keys and, where this signs access tokens, the keys of those.
func loadKeys(cfg config.Settings, dir dataDir) (ring keyRing, access []*ecdsa.PrivateKey, err error) {
	if ring, err = loadKeyRing(cfg, dir); err == nil && cfg.Upstream == nil {
		access, err = loadAccessKeys(cfg, dir)
	}
	return ring, access, err
}

// loadKeyRing takes the session keys from the environment, from the file it names, or from the data directory, where they are generated if
// there are none.
func loadKeyRing(cfg config.Settings, dir dataDir) (keyRing, error) {
	return keyRingOr(cfg, dir, newSessionKeys)
}

// keyRingOr is loadKeyRing with something else to do where there are none.
func keyRingOr(cfg config.Settings, dir dataDir, generate func() ([]byte, error)) (keyRing, error) {
	source, text, err := keySource{
		config.SessionKeysVariable, config.SessionKeysFileVariable, cfg.SessionKeys, cfg.SessionKeysFile, sessionKeysFile, generate,
	}.read(dir)
	if err != nil {
		return keyRing{}, err
	}
	secrets, err := parseSessionKeys(string(text))
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
		hooks, err := hkdf.Key(sha256.New, secret, nil, "latchkey webhook secrets", keyLength)
		if err != nil {
			return keyRing{}, err
		}
		ring.hooks = append(ring.hooks, hooks)
		ring.sealing = append(ring.sealing, sealing)
		ring.signing = append(ring.signing, signing)
	}
	return ring, nil
}

// keySource is where keys come from, and what is there: a variable, the file that one names, or a file of the data directory.
type keySource struct {
	variable, fileVariable string
	given                  model.Secret
	file, inData           string
	generate               func() ([]byte, error)
}

func (k keySource) read(dir dataDir) (source string, text []byte, err error) {
	switch {
	case k.given != "":
		return k.variable, []byte(k.given.Reveal()), nil
	case k.file != "":
		source = fmt.Sprintf("%s is %q", k.fileVariable, k.file)
		if text, err = os.ReadFile(k.file); err != nil {
			return "", nil, fmt.Errorf("%s: cannot be read (%w)", source, err)
		}
	default:
		source = fmt.Sprintf("--data (LATCHKEY_DATA) is %q: its file %s", dir.path, k.inData)
		if text, err = dir.secret(k.inData, k.generate); err != nil {
			return "", nil, err
		}
	}
	if text, err = texts.Decode(text); err != nil {
		return "", nil, fmt.Errorf("%s cannot be read: %w", source, err)
	}
	return source, text, nil
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
		return nil, fmt.Errorf("contains no key; there must be at least one of %d random bytes in base64", keyLength)
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

// loadAccessKeys gives the keys of access tokens, from the environment, from the file it names, or from the data directory. The first
// signs; the public halves of all are at /.well-known/jwks.json.
func loadAccessKeys(cfg config.Settings, dir dataDir) ([]*ecdsa.PrivateKey, error) {
	source, text, err := keySource{
		config.AccessKeysVariable, config.AccessKeysFileVariable, cfg.AccessKeys, cfg.AccessKeysFile, accessKeyFile, newAccessKey,
	}.read(dir)
	if err != nil {
		return nil, err
	}
	if cfg.AccessKeys != "" { // files of variables have lines of their own
		text = bytes.ReplaceAll(text, []byte(`\n`), []byte("\n"))
	}
	keys, err := parseAccessKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used (%w)", source, err)
	}
	return keys, nil
}

// parseAccessKeys reads PEM, in which text may stand between the keys. What package pem passes over because it is damaged would be a
// key that is missed.
func parseAccessKeys(text []byte) ([]*ecdsa.PrivateKey, error) {
	var keys []*ecdsa.PrivateKey
	begun := bytes.Count(text, []byte("-----BEGIN "))
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		key, err := parseAccessKey(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	switch {
	case begun == 0:
		return nil, errors.New("it must be a PEM file with a PKCS #8 private key")
	case len(keys) < begun:
		return nil, fmt.Errorf("only %d of its %d keys are complete PEM", len(keys), begun)
	}
	return keys, nil
}

func parseAccessKey(block *pem.Block) (*ecdsa.PrivateKey, error) {
	if block.Type != "PRIVATE KEY" {
		return nil, errors.New("it must be a PEM file that contains only PKCS #8 private keys")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("a private key in it is damaged")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("its private keys must be of the curve P-256")
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
