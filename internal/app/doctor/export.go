package doctor

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"latchkey/internal/app/texts"
)

// What an export may have at most. Real ones have a few hundred small files; what is more is not worth reading, or is meant to fill a
// memory.
const (
	maxEntries   = 5000
	maxUnpacked  = 50 << 20
	maxFile      = 2 << 20
	maxDirectory = 8 << 20 // bytes of a zip that are read to find out what is in it
)

// export are the files of an app. What cannot be read of them is a problem of the report, and no reason to stop.
type export struct {
	files    fs.FS
	left     int64 // bytes that may still be read
	problems []string
}

// rootFiles are those by which an export is known, newest age first.
var rootFiles = []string{"root_config.json", "realm_config.json", "config.json", "stitch.json"}

// open gives the files of a folder or a zip, from the folder in it that has an app. Nothing is unpacked.
func open(name string) (*export, func(), error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, notExport("%w", err)
	}
	openIt := openZip
	if info.IsDir() {
		openIt = openFolder
	}
	files, closer, err := openIt(name)
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = closer.Close() } // only read from
	e := &export{files: files, left: maxUnpacked}
	if err := e.enter(); err != nil {
		done()
		return nil, nil, err
	}
	return e, done, nil
}

// openFolder does not follow links that lead out of the folder.
func openFolder(name string) (fs.FS, io.Closer, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, nil, notExport("%w", err)
	}
	return root.FS(), root, nil
}

func openZip(name string) (fs.FS, io.Closer, error) {
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, notExport("%w", err)
	}
	files, err := readZip(file)
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return files, file, nil
}

// readZip looks at everything that a zip says is in it before anything is read.
func readZip(file *os.File) (fs.FS, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, notExport("%w", err)
	}
	directory := &firstBytes{from: file, left: maxDirectory}
	z, err := zip.NewReader(directory, info.Size())
	switch {
	case directory.left < 0 || err == nil && len(z.File) > maxEntries:
		return nil, notExport("the zip has more than %s entries", grouped(maxEntries))
	case err != nil:
		return nil, notExport("%s is neither a folder nor a zip that can be read (%w)", inShell(filepath.Base(file.Name())), err)
	}
	directory.all = true
	var unpacked uint64
	seen := map[string]bool{}
	for _, f := range z.File {
		entry := strings.ReplaceAll(f.Name, `\`, "/")
		switch clean := path.Clean(strings.TrimSuffix(entry, "/")); {
		case !filepath.IsLocal(clean) || strings.HasPrefix(entry, "/") || strings.Contains(entry, ":") || strings.Contains("/"+entry, "/../"):
			return nil, notExport("the zip has an entry that leads out of it: %s", quoted(f.Name))
		case f.Mode().Type() != 0 && !f.Mode().IsDir():
			return nil, notExport("the zip has a link or a device in it: %s", quoted(f.Name))
		case f.Flags&1 != 0:
			return nil, notExport("the zip is encrypted")
		case seen[clean]:
			return nil, notExport("the zip has %s twice", quoted(f.Name))
		default:
			seen[clean] = true
		}
		if unpacked += min(f.UncompressedSize64, maxUnpacked+1); unpacked > maxUnpacked {
			return nil, notExport("the zip has more than 50 MB unpacked")
		}
	}
	return z, nil
}

// firstBytes lets only so much of a file be read, until all of it may be.
type firstBytes struct {
	from io.ReaderAt
	left int
	all  bool
}

var errTooMuch = errors.New("too much")

func (f *firstBytes) ReadAt(p []byte, at int64) (int, error) {
	if !f.all {
		if f.left -= len(p); f.left < 0 {
			return 0, errTooMuch
		}
	}
	return f.from.ReadAt(p, at)
}

// enter finds the app: at the top, or in the one folder that there is, as zips mostly have it.
func (e *export) enter() error {
	if e.hasApp(".") {
		return nil
	}
	entries, err := fs.ReadDir(e.files, ".")
	if err != nil {
		return notExport("%w", err)
	}
	var inside []string
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && !strings.HasPrefix(name, ".") && name != "__MACOSX" && e.hasApp(name) {
			inside = append(inside, name)
		}
	}
	switch len(inside) {
	case 0:
		return notExport("it has neither %s nor %s", strings.Join(rootFiles[:3], ", "), rootFiles[3])
	case 1:
		e.files, err = fs.Sub(e.files, inside[0])
		return err
	}
	return notExport("it has several apps: name one of %s and %s", quoted(inside[0]), quoted(inside[1]))
}

// hasApp says whether a folder has one of the files by which an export is known. Many programs have a config.json: that of an app
// says its version or stands beside the providers.
func (e *export) hasApp(folder string) bool {
	for _, name := range rootFiles {
		if !e.has(path.Join(folder, name)) {
			continue
		}
		if name != "config.json" && name != "stitch.json" || e.has(path.Join(folder, "auth_providers")) {
			return true
		}
		var root struct {
			Version json.RawMessage `json:"config_version"`
			AppID   json.RawMessage `json:"app_id"`
		}
		content, _ := e.content(path.Join(folder, name)) // what cannot be read is no app
		if _ = decode(content, &root); root.Version != nil || root.AppID != nil {
			return true
		}
	}
	return false
}

// read decodes a file of the export, and says whether it is there and can be used. What is wrong with it is noted.
func (e *export) read(name string, into any) bool {
	content, err := e.content(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		err = decode(content, into)
	}
	var mismatch *json.UnmarshalTypeError
	if err != nil {
		e.problems = append(e.problems, legible(name)+" "+wrong(err, len(content)))
	}
	return err == nil || errors.As(err, &mismatch) // the rest of it was read
}

// content is a file as it is, unless it is larger than any that App Services wrote.
func (e *export) content(name string) ([]byte, error) {
	info, err := fs.Stat(e.files, name)
	if err == nil && !info.Mode().IsRegular() { // reading a pipe would never end
		err = errNoFile
	}
	if err != nil {
		return nil, err
	}
	f, err := e.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	most := min(maxFile, e.left)
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	e.left -= int64(len(content))
	if err == nil && int64(len(content)) > most {
		err = errTooLarge
	}
	return content, err
}

var (
	errTooLarge = errors.New("is too large")
	errNoFile   = errors.New("it is not a file")
)

func decode(content []byte, into any) error {
	text, err := texts.Decode(content)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// wrong says what is wrong with a file of so many bytes, in words of the file.
func wrong(err error, size int) string {
	var (
		syntax   *json.SyntaxError
		mismatch *json.UnmarshalTypeError
		noText   *texts.Error
	)
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("is not JSON (at byte %d)", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("is not JSON (at byte %d)", size)
	case errors.As(err, &mismatch):
		return fmt.Sprintf("has a JSON %s for %s (at byte %d)", legible(mismatch.Value), cmp.Or(legible(mismatch.Field), "its whole"), mismatch.Offset)
	case errors.As(err, &noText):
		return "is not text: " + noText.Error()
	case errors.Is(err, errTooLarge):
		return "is too large to be part of an export"
	default:
		return "cannot be read: " + legible(err.Error())
	}
}

// list names what is in a folder of the export; a folder that is not there is empty.
func (e *export) list(folder string) []fs.DirEntry {
	entries, err := fs.ReadDir(e.files, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.problems = append(e.problems, folder+" cannot be read: "+legible(err.Error()))
	}
	return entries
}

// has says whether something is in the export.
func (e *export) has(name string) bool {
	_, err := fs.Stat(e.files, name)
	return err == nil
}
