package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// soundsSecret matches names of fields that hold what must not be printed.
var soundsSecret = regexp.MustCompile(`(?i)(password|token|value|secret|cookie|sealed|usercode|devicecode|sessionkeys|accesskey|database|^code$|^key$)`)

// openSecrets are the fields that sound so and are plain text or bytes, and why that is right.
var openSecrets = map[string]string{
	"views.Happening.Values":                "what stands in the placeholders of a sentence",
	"config.Config.SessionKeysFile":         "the name of a file",
	"config.Settings.SessionKeysFile":       "the name of a file",
	"config.Config.DatabaseFile":            "the name of a file",
	"config.Config.AccessKeysFile":          "the name of a file",
	"config.Settings.AccessKeysFile":        "the name of a file",
	"operate.Program.Database":              "the name of a file",
	"operate.listedNode.SessionKeys":        "names of keys, which give nothing away",
	"operate.listedNode.AccessKeys":         "names of keys, which are public",
	"store.Node.AccessKeys":                 "names of keys, which are public",
	"pair.startedPairing.UserCode":          "what the command shows to the person at it",
	"pair.pairing.tokenEndpoint":            "an address",
	"authserver.errorBody.Code":             "the name of an error",
	"authserver.wireError.code":             "the name of an error",
	"authserver.linkRequest.TokenID":        "names a link and does not open it",
	"authserver.loginAnswer.AccessToken":    "goes out in JSON; the struct prints without",
	"authserver.linkAnswer.AccessToken":     "goes out in JSON; the struct prints without",
	"authserver.loginAnswer.RefreshToken":   "goes out in JSON; the struct prints without",
	"authserver.renewAnswer.AccessToken":    "goes out in JSON; the struct prints without",
	"authserver.reissueAnswer.RefreshToken": "goes out in JSON; the struct prints without",
	"authserver.createdKey.Value":           "goes out in JSON; the struct prints without",
	"authserver.appIDs.passwords":           "the id of a provider",
	"client.Error.Code":                     "the name of an error",
	"client.errorBody.code":                 "the name of an error",
	"client.loginFields.Password":           "the body of one request; Credentials hold it in a function",
	"client.loginFields.Key":                "the body of one request; Credentials hold it in a function",
	"client.loginFields.Token":              "the body of one request; Credentials hold it in a function",
	"client.loginFields.IDToken":            "the body of one request; Credentials hold it in a function",
	"config.customSettings.SecretFiles":     "names of files",
	"config.Providers.SecretFiles":          "names of files",
	"config.openIDSettings.SecretFile":      "the name of a file",
	"config.Config.Passwords":               "on or off",
	"openid.discovered.Token":               "an address",
	"model.WebSession.Sealed":               "encrypted, and the struct prints without",
	"handlers.Deps.SessionKeys":             "the struct prints without",
	"handlers.programError.code":            "the name of an error",
	"handlers.exchangeRequest.tokenType":    "the name of a kind of tokens",
	"websession.KnownBrowsers.cookie":       "the name of a cookie",
	"websession.Store.Cookie":               "the name of a cookie",
	"websession.sealedAccount.Token":        "what is about to be encrypted, in one function",
	"model.DeviceGrant.UserCode":            "the struct prints without",
	"model.Webhook.Sealed":                  "encrypted, and the struct prints without",
	"model.Webhook.OldSealed":               "encrypted, and the struct prints without",
	"model.DeviceGrant.Sealed":              "encrypted, and the struct prints without",
	"onboard.Started.UserCode":              "the struct prints without",
	"onboard.sealedKey.Value":               "what is about to be encrypted, in one function",
	"onboard.Snippet.Value":                 "where a program finds the value, not the value",
	"model.Identity.PasswordHash":           "a hash",
	"store.pragma.value":                    "a setting of the database",
	"views.Field.Value":                     "a field of a form that goes on; passwords are taken out",
	"views.Link.Token":                      "the struct prints without",
	"views.Link.TokenID":                    "names a link and does not open it",
	"views.Once.Value":                      "the struct prints without",
	"views.Register.PasswordError":          "a sentence",
	"views.Confirm.PasswordError":           "a sentence",
	"views.Adopt.ValueError":                "a sentence",
	"views.input.Value":                     "what is typed into a field that is not for passwords",
	"views.Snippet.Value":                   "where a program finds the value, not the value",
	"views.Pairing.Code":                    "what the page shows beside the device's",
	"views.Device.Code":                     "what the person typed",
	"views.way.code":                        "how a device asks for a code, to be copied",
	"views.SignIn.Code":                     "what the page will ask about next",
	"views.Register.Code":                   "what the page will ask about next",
}

// A secret that outlives a function has a type that keeps it from logs and errors. A change that adds a field that sounds like one says
// here why it needs none.
func TestEverySecretThatIsKeptHasATypeThatHidesIt(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "e2e" || strings.HasSuffix(d.Name(), "test") || path != "../.." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go"):
			return plainSecrets(path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for field := range found {
		if openSecrets[field] == "" {
			t.Errorf("%s is plain, and sounds like a secret", field)
		}
	}
	for field := range openSecrets {
		if !found[field] {
			t.Errorf("%s is not there any more", field)
		}
	}
}

// plainSecrets finds the fields of a file's types that are strings or bytes and sound secret.
func plainSecrets(path string, found map[string]bool) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		types, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range types.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if s, ok := named.Type.(*ast.StructType); ok {
				for _, field := range plainFields(s) {
					found[file.Name.Name+"."+named.Name.Name+"."+field] = true
				}
			}
		}
	}
	return nil
}

func plainFields(s *ast.StructType) []string {
	var names []string
	for _, field := range s.Fields.List {
		if !plainText(field.Type) {
			continue
		}
		for _, name := range field.Names {
			if soundsSecret.MatchString(name.Name) {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

// plainText knows string, *string, []byte and lists of these.
func plainText(of ast.Expr) bool {
	switch of := of.(type) {
	case *ast.Ident:
		return of.Name == "string" || of.Name == "byte"
	case *ast.StarExpr:
		return plainText(of.X)
	case *ast.ArrayType:
		return of.Len == nil && plainText(of.Elt)
	}
	return false
}
