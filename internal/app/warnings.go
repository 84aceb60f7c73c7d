package app

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey/internal/app/operate"
)

// warningKind names something that the operator should look into. There are as many as are named here, and no request makes more.
type warningKind string

const (
	warnStrangeProxy warningKind = "strange-proxy"  // passes requests on, and nobody trusts it
	warnUnreadProxy  warningKind = "unread-proxy"   // is trusted, and what it says cannot be read
	warnMail         warningKind = "mail"           // does not get through
	warnData         warningKind = "data-directory" // is not as it should be
	warnClock        warningKind = "clock"          // does not go with what is believed
	warnNodeClock    warningKind = "node-clock"     // does not go with the database's
	warnNodeName     warningKind = "node-name"      // is another node's too
	warnNodeRoom     warningKind = "node-room"      // the database has too few connections for all nodes
	warnIssuer       warningKind = "issuer"         // does not give the keys with which tokens are verified
)

var warningKinds = []warningKind{warnStrangeProxy, warnUnreadProxy, warnMail, warnData, warnClock, warnNodeClock, warnNodeName, warnNodeRoom, warnIssuer}

// maxWarning bounds what is kept of one, in bytes: headers and addresses of requests are in it.
const maxWarning = 600

// warnings keeps one warning of each kind for the operator: in the log when it begins, in the metrics, and by latchkey status. What comes
// often is in the log once, until it was over.
type warnings struct {
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex
	kept map[warningKind]*operate.Warning
}

func newWarnings(now func() time.Time, log *slog.Logger) *warnings {
	w := &warnings{now: now, log: log, kept: map[warningKind]*operate.Warning{}}
	for _, kind := range warningKinds {
		w.kept[kind] = &operate.Warning{Kind: string(kind)}
	}
	return w
}

// raise says that something is so. attrs are of log/slog, names and values by turns.
func (w *warnings) raise(kind warningKind, text string, attrs ...any) {
	if w.note(kind, text, attrs) {
		w.log.Warn(text, attrs...)
	}
}

func (w *warnings) note(kind warningKind, text string, attrs []any) (isNew bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.kept[kind]
	was := one.Active()
	one.Times++
	one.Last = w.now()
	if was {
		return false
	}
	one.Since, one.Over = one.Last, time.Time{}
	var whole strings.Builder
	whole.WriteString(text)
	for i := 0; i+1 < len(attrs); i += 2 {
		fmt.Fprintf(&whole, "; %v: %v", attrs[i], attrs[i+1])
	}
	one.Text = whole.String()
	if len(one.Text) > maxWarning {
		one.Text = strings.ToValidUTF8(one.Text[:maxWarning], "") + "…"
	}
	return true
}

// settle says that something is so no more, when it was.
func (w *warnings) settle(kind warningKind, text string) {
	w.mu.Lock()
	one := w.kept[kind]
	was := one.Active()
	if was {
		one.Over = w.now()
	}
	w.mu.Unlock()
	if was {
		w.log.Info(text)
	}
}

// all are the kinds in their order, those that never were included.
func (w *warnings) all() []operate.Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]operate.Warning, 0, len(warningKinds))
	for _, kind := range warningKinds {
		list = append(list, *w.kept[kind])
	}
	return list
}

// forOperator are those that were so, for the commands.
func (w *warnings) forOperator() []operate.Warning {
	return slices.DeleteFunc(w.all(), func(one operate.Warning) bool { return one.Times == 0 })
}
