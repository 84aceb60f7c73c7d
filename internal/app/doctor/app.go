package doctor

import (
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// app is what an export says, whatever its age.
type app struct {
	id, name, region string
	providers        []provider
	data             customData
	sync, hosting    bool
	functions        int
	triggers         int
	endpoints        int
	problems         []string
}

// rootConfig is what the file at the top says. Older ages have more in it, the newest has no app id.
type rootConfig struct {
	AppID    string     `json:"app_id"`
	Name     string     `json:"name"`
	Region   string     `json:"provider_region"`
	Location string     `json:"location"`
	Data     customData `json:"custom_user_data_config"`
	Hosting  struct {
		Enabled bool `json:"enabled"`
	} `json:"hosting"`
}

type customData struct {
	Enabled    bool   `json:"enabled"`
	From       string `json:"database_name"`
	Collection string `json:"collection_name"`
	UserField  string `json:"user_id_field"`
}

// provider is a way to sign in, as the file of each age has it.
type provider struct {
	Type     string `json:"type"`
	Disabled bool   `json:"disabled"`
	Config   struct {
		AutoConfirm     bool   `json:"autoConfirm"`
		ConfirmURL      string `json:"emailConfirmationUrl"`
		ResetURL        string `json:"resetPasswordUrl"`
		ConfirmsByFunc  bool   `json:"runConfirmationFunction"`
		ResetsByFunc    bool   `json:"runResetFunction"`
		ConfirmFunction string `json:"confirmationFunctionName"`
		ResetFunction   string `json:"resetFunctionName"`

		Audience    texted `json:"audience"`
		AnyAudience bool   `json:"requireAnyAudience"`
		Algorithm   string `json:"signingAlgorithm"`
		UsesKeySet  bool   `json:"useJWKURI"`
		KeySet      string `json:"jwkURI"`

		Function string `json:"authFunctionName"`
		ClientID string `json:"clientId"`
		OpenID   bool   `json:"openId"`
	} `json:"config"`
	// Secrets has the names of secrets, never their values.
	Secrets struct {
		SigningKeys texted `json:"signingKeys"`
		SigningKey  texted `json:"signingKey"` // before there could be several
	} `json:"secret_config"`
	Fields []struct {
		Required any    `json:"required"` // true, or "true"
		Name     string `json:"name"`
		As       string `json:"field_name"`
	} `json:"metadata_fields"`
	Domains []string `json:"domain_restrictions"`
}

// texted is a list of texts, or one text with commas in it. Empty ones are left out.
type texted []string

// UnmarshalJSON takes both forms.
func (t *texted) UnmarshalJSON(content []byte) error {
	var one string
	if json.Unmarshal(content, &one) == nil {
		*t = without(strings.Split(one, ","))
		return nil
	}
	var several []string
	err := json.Unmarshal(content, &several)
	*t = without(several)
	return err
}

func without(list []string) []string {
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(text string) bool { return text == "" })
}

// secretNames are those with which tokens are signed.
func (p provider) secretNames() []string {
	return append(slices.Clone(p.Secrets.SigningKeys), p.Secrets.SigningKey...)
}

// algorithm is that of tokens. Those of a key set always were RS256.
func (p provider) algorithm() string {
	if p.Config.UsesKeySet {
		return "RS256"
	}
	return cmp.Or(p.Config.Algorithm, "HS256")
}

// readApp fails only for what is no export.
func readApp(name string) (app, error) {
	e, done, err := open(name)
	if err != nil {
		return app{}, err
	}
	defer done()
	var a app
	a.readRoot(e)
	a.readProviders(e)
	a.countRest(e)
	a.problems = e.problems
	return a, nil
}

func (a *app) readRoot(e *export) {
	for _, name := range rootFiles {
		var root rootConfig
		if !e.read(name, &root) {
			continue
		}
		a.id, a.name, a.region = cmp.Or(a.id, root.AppID), cmp.Or(a.name, root.Name), cmp.Or(a.region, root.Region, root.Location)
		if root.Data.Enabled {
			a.data = root.Data
		}
		a.hosting = a.hosting || root.Hosting.Enabled
	}
	var meta struct {
		AppID string `json:"client_app_id"`
	}
	if a.id == "" && e.read(".mdb/meta.json", &meta) {
		a.id = meta.AppID
	}
	if !isAppID(a.id) {
		a.id = ""
	}
	var data customData
	if e.read("auth/custom_user_data.json", &data) && data.Enabled {
		a.data = data
	}
}

// readProviders reads the file of all providers, or the older files of one each.
func (a *app) readProviders(e *export) {
	add := func(name string, p provider) {
		if p.Type = cmp.Or(p.Type, name); p.Type != "" {
			a.providers = append(a.providers, p)
		}
	}
	var all map[string]provider
	if e.read("auth/providers.json", &all) {
		for name, p := range all {
			add(name, p)
		}
	}
	for _, entry := range e.list("auth_providers") {
		name, isJSON := strings.CutSuffix(entry.Name(), ".json")
		var p provider
		if isJSON && !entry.IsDir() && e.read(path.Join("auth_providers", entry.Name()), &p) {
			add(name, p)
		}
	}
	slices.SortStableFunc(a.providers, func(p, q provider) int { return cmp.Compare(p.Type, q.Type) })
}

// countRest counts what Latchkey is not for.
func (a *app) countRest(e *export) {
	var sync struct {
		State    string `json:"state"`
		Type     string `json:"type"`
		Disabled int64  `json:"last_disabled"`
	}
	if e.read("sync/config.json", &sync) {
		a.sync = sync.State == "enabled" || sync.State == "" && sync.Type != "" && sync.Disabled == 0
	}
	var list []json.RawMessage
	if e.read("functions/config.json", &list) {
		a.functions = len(list)
	} else {
		for _, entry := range e.list("functions") {
			if entry.IsDir() && e.has(path.Join("functions", entry.Name(), "config.json")) {
				a.functions++
			}
		}
	}
	if list = nil; e.read("http_endpoints/config.json", &list) {
		a.endpoints += len(list)
	}
	for _, entry := range e.list("triggers") {
		if !entry.IsDir() && strings.HasSuffix(entry.Name(), ".json") {
			a.triggers++
		}
	}
	for _, folder := range []string{"services", "http_endpoints"} {
		for _, entry := range e.list(folder) {
			if entry.IsDir() {
				a.countService(e, path.Join(folder, entry.Name()))
			}
		}
	}
	a.hosting = a.hosting || e.has("hosting/files")
}

// countService looks into a service of an older age, in which synchronisation was a setting of a database.
func (a *app) countService(e *export, folder string) {
	var service struct {
		Config struct {
			Sync struct {
				State string `json:"state"`
			} `json:"sync"`
			FlexibleSync struct {
				State string `json:"state"`
			} `json:"flexible_sync"`
		} `json:"config"`
	}
	if e.read(path.Join(folder, "config.json"), &service) {
		a.sync = a.sync || service.Config.Sync.State == "enabled" || service.Config.FlexibleSync.State == "enabled"
	}
	for _, entry := range e.list(path.Join(folder, "incoming_webhooks")) {
		if entry.IsDir() {
			a.endpoints++
		}
	}
}
