package authserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"latchkey/internal/model"
)

// maxBody bounds request bodies; the longest the SDKs send is under 2 KB.
const maxBody = 64 << 10

// errorBody is what every refusal looks like. Realm's core drops an error whose link is null, so it is a string or absent.
type errorBody struct {
	Error string `json:"error"`
	Code  string `json:"error_code,omitempty"`
	Link  string `json:"link,omitempty"`
}

// registerRequest says email where loginRequest says username: so does App Services.
type registerRequest struct {
	Email    string       `json:"email"`
	Password model.Secret `json:"password"`
}

// loginRequest holds the fields of every provider; each reads its own and ignores the rest.
type loginRequest struct {
	Username *string       `json:"username"`
	Password *model.Secret `json:"password"`
	Key      *model.Secret `json:"key"`
	Token    *model.Secret `json:"token"`
	IDToken  *model.Secret `json:"id_token"`
	AuthCode *model.Secret `json:"authCode"`
	Options  struct {
		Device *device `json:"device"`
	} `json:"options"`
}

// proofRequest has the password of the caller, or what their passkey answered.
type proofRequest struct {
	Password  *model.Secret   `json:"password"`
	Passkey   json.RawMessage `json:"passkey"`
	Challenge string          `json:"challenge"`
}

// changePasswordRequest has the password of the caller and the one that is to be in its place.
type changePasswordRequest struct {
	Current *model.Secret `json:"current_password"`
	New     *model.Secret `json:"new_password"`
}

// addressRequest names an account that an email is wanted for.
type addressRequest struct {
	Email string `json:"email"`
}

// linkRequest has what was in the link of an email.
type linkRequest struct {
	Token   model.Secret `json:"token"`
	TokenID string       `json:"tokenId"`
}

// resetRequest has it with the password that is wanted.
type resetRequest struct {
	linkRequest
	Password model.Secret `json:"password"`
}

// device is what a client says about itself and the machine it runs on. The id it was given before goes into its session, the
// texts into the usage of the key that it signs in with.
type device struct {
	ID              objectID   `json:"deviceId"`
	Name            deviceText `json:"deviceName"`
	Platform        deviceText `json:"platform"`
	PlatformVersion deviceText `json:"platformVersion"`
	SDK             deviceText `json:"sdk"`
	SDKVersion      deviceText `json:"sdkVersion"`
	CoreVersion     deviceText `json:"coreVersion"`
}

// deviceText is a text for people to read, of which nothing depends: whatever is not a text counts as none, so that no device
// is shut out by how it describes itself.
type deviceText string

// UnmarshalJSON never fails.
func (d *deviceText) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = ""
	}
	*d = deviceText(text)
	return nil
}

// objectID is an id in either of the two shapes clients send: "…" (Stitch) or {"$oid":"…"} (realm-web).
type objectID string

// UnmarshalJSON reads both shapes.
func (o *objectID) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var extended struct {
			OID string `json:"$oid"`
		}
		err := json.Unmarshal(data, &extended)
		*o = objectID(extended.OID)
		return err
	}
	var plain string
	err := json.Unmarshal(data, &plain)
	*o = objectID(plain)
	return err
}

// loginAnswer answers a sign-in; realm-web and Realm's core fail without any one of its fields.
type loginAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	UserID       string `json:"user_id"`
	DeviceID     string `json:"device_id"`
}

// linkAnswer answers a sign-in that links. There is no new refresh token: it is still the same session.
type linkAnswer struct {
	AccessToken string `json:"access_token"`
	UserID      string `json:"user_id"`
	DeviceID    string `json:"device_id"`
}

// renewAnswer answers POST auth/session. There is no new refresh token: no SDK would store it.
type renewAnswer struct {
	AccessToken string `json:"access_token"`
}

// profileAnswer answers GET auth/profile; realm-web requires type, Realm's core identities and data.
type profileAnswer struct {
	UserID     string         `json:"user_id"`
	DomainID   string         `json:"domain_id"`
	Identities []wireIdentity `json:"identities"`
	Data       map[string]any `json:"data"`
	Type       string         `json:"type"`

	CustomData json.RawMessage `json:"custom_data,omitempty"` // an object
}

type wireIdentity struct {
	ID           string         `json:"id"`
	ProviderType string         `json:"provider_type"`
	ProviderID   string         `json:"provider_id"`
	ProviderData map[string]any `json:"provider_data,omitempty"`
}

// wireKey has exactly the fields that App Services sent: realm-web hands others on to the app, whose tests compare deeply.
type wireKey struct {
	ID       string `json:"_id"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled"`
}

// createdKey answers the creation of a key, the only answer that ever holds a value.
type createdKey struct {
	wireKey
	Value string `json:"key"`
}

// keyFactsAnswer answers GET key_facts. What never happened is absent.
type keyFactsAnswer struct {
	RecordingSince wireTime       `json:"recording_since"`
	Keys           []wireKeyFacts `json:"keys"`
}

type wireKeyFacts struct {
	ID          string           `json:"_id"`
	Fingerprint string           `json:"fingerprint"`
	Words       string           `json:"words"`
	FirstUsedAt *wireTime        `json:"first_used_at,omitempty"`
	LastUse     *wireKeyUse      `json:"last_use,omitempty"`
	LastRefusal *wireKeyRefusal  `json:"last_refusal,omitempty"`
	Off         *wireKeyOff      `json:"off,omitempty"`
	ExpiresAt   *wireTime        `json:"expires_at,omitempty"`
	Replacement *wireReplacement `json:"replacement,omitempty"`
}

type wireKeyUse struct {
	At              wireTime `json:"at"`
	Address         string   `json:"address"`
	DeviceName      string   `json:"device_name"`
	Platform        string   `json:"platform"`
	PlatformVersion string   `json:"platform_version"`
	SDK             string   `json:"sdk"`
	SDKVersion      string   `json:"sdk_version"`
}

type wireKeyRefusal struct {
	At      wireTime `json:"at"`
	Address string   `json:"address"`
	Reason  string   `json:"reason"`
}

// wireKeyOff is of a key that is off: what ended with that.
type wireKeyOff struct {
	At             wireTime  `json:"at"`
	Sessions       int       `json:"sessions"`
	AccessUntil    *wireTime `json:"access_until,omitempty"`
	FirstRefusedAt *wireTime `json:"first_refused_at,omitempty"`
}

// reissueAnswer answers POST refresh_token.
type reissueAnswer struct {
	RefreshToken string `json:"refresh_token"`
}

// sessionsAnswer answers GET sessions.
type sessionsAnswer struct {
	Sessions []wireSession `json:"sessions"`
	More     bool          `json:"more,omitempty"` // there are some that are not listed
}

// wireSession is one sign-in. What its device did not say of itself is "".
type wireSession struct {
	ID         string   `json:"_id"`
	Current    bool     `json:"current"`
	Provider   string   `json:"provider"`
	KeyID      string   `json:"key_id,omitempty"`
	CreatedAt  wireTime `json:"created_at"`
	LastSeenAt wireTime `json:"last_seen_at"`
	ExpiresAt  wireTime `json:"expires_at"`
	Address    string   `json:"address"`
	Agent      string   `json:"agent"`
	DeviceName string   `json:"device_name"`
	Platform   string   `json:"platform"`
	SDK        string   `json:"sdk"`
}

func sessionsAnswerOf(sessions model.Sessions, current string) sessionsAnswer {
	out := sessionsAnswer{Sessions: make([]wireSession, len(sessions.List)), More: sessions.More}
	for i, row := range sessions.List {
		out.Sessions[i] = wireSession{
			ID: row.ID, Current: row.ID == current, Provider: row.Provider, KeyID: row.KeyID,
			CreatedAt: wireTime(row.CreatedAt), LastSeenAt: wireTime(row.LastSeenAt), ExpiresAt: wireTime(row.ExpiresAt),
			Address: row.Address, Agent: row.Agent, DeviceName: row.DeviceName, Platform: row.Platform, SDK: row.SDK,
		}
	}
	return out
}

// wireTime is RFC 3339 in UTC, always with three digits of the second's fraction.
type wireTime time.Time

// MarshalText writes it so.
func (w wireTime) MarshalText() ([]byte, error) {
	return time.Time(w).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00"), nil
}

type createKeyRequest struct {
	Name string `json:"name"`
}

// adoptKeyRequest has the value that a device has already. It goes no further than its SHA-256.
type adoptKeyRequest struct {
	Name string        `json:"name"`
	Key  *model.Secret `json:"key"`
}

// handoverRequest may say where the person is led back to.
type handoverRequest struct {
	Return string `json:"return"`
}

// handoverAnswer has a link that is good once, and until when.
type handoverAnswer struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires_at"`
}

// locationAnswer tells a client where to send everything else; hostnames have no trailing slash, clients append paths to them.
type locationAnswer struct {
	DeploymentModel string `json:"deployment_model"`
	Location        string `json:"location"`
	Hostname        string `json:"hostname"`
	WSHostname      string `json:"ws_hostname"`
}

// decode reads one JSON object from the body of a request.
func decode(r *http.Request, into any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return parse(body, into)
}

// decodeOptional is decode for calls that may come without a body.
func decodeOptional(r *http.Request, into any) error {
	body, err := readBody(r)
	if err != nil || len(body) == 0 {
		return err
	}
	return parse(body, into)
}

// readBody reads what MaxBytesReader lets through. The type is looked at only when there is a body: SDKs send JSON types with
// empty bodies and none at all. A body without a type is taken for JSON.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, refuse(kindBodyTooLarge)
	}
	if err != nil {
		return nil, refuse(kindBadBody).because(err)
	}
	if declared := r.Header.Get("Content-Type"); len(body) > 0 && declared != "" {
		if mediaType, _, _ := mime.ParseMediaType(declared); mediaType != "application/json" {
			return nil, refuse(kindNotJSON)
		}
	}
	return body, nil
}

// parse refuses what encoding/json would quietly accept: null, and bytes that are not UTF-8, which it replaces, so that two
// different passwords could become one.
func parse(body []byte, into any) error {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' || !utf8.Valid(body) {
		return refuse(kindBadBody)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return refuse(kindBadBody) // not its text: it may quote a value
	}
	if hasDuplicateNames(body) {
		return refuse(kindBadBody)
	}
	return nil
}
