package accounts

import (
	"context"
	"time"

	"latchkey/internal/limits"
)

// What one network and one site may ask of another server that counts as this one does, and to which everybody here is one address:
// less than that has there, of which others keep more than a third.
const (
	networkEmailsElsewhere, siteEmailsElsewhere               = 2 * addressEmails / 5, 3 * addressEmails / 5             // in emailStretch
	networkRegistrationsElsewhere, siteRegistrationsElsewhere = 2 * registrationsAtOnce / 5, 3 * registrationsAtOnce / 5 // at once and in an hour
)

// Elsewhere counts the accounts and the emails that people here ask another server for, by where they ask from. It is kept in memory,
// like Limits. Several nodes count together, since the other server may see one address for all of them.
type Elsewhere struct {
	book                          *limits.Book
	accountNetworks, accountSites *limits.Table
	emailNetworks, emailSites     *limits.Table
}

// NewElsewhere returns counts of nothing yet.
func NewElsewhere(now func() time.Time, shared *limits.Shared) *Elsewhere {
	book := limits.NewBook(now, quotaSweep).ShareBy(shared)
	buckets := func(most int, name string) *limits.Table {
		return book.Buckets(most, time.Hour/time.Duration(most)).Bound(maxCounted, quotaSweep).Shared(name)
	}
	windows := func(most int, name string) *limits.Table {
		return book.Windows(limits.Rule{Most: most, In: emailStretch}).Bound(maxCounted, quotaSweep).Shared(name)
	}
	return &Elsewhere{
		book:            book,
		accountNetworks: buckets(networkRegistrationsElsewhere, "accounts elsewhere by a network"),
		accountSites:    buckets(siteRegistrationsElsewhere, "accounts elsewhere by a site"),
		emailNetworks:   windows(networkEmailsElsewhere, "emails elsewhere by a network"),
		emailSites:      windows(siteEmailsElsewhere, "emails elsewhere by a site"),
	}
}

// Account counts an account that is to be created there, or says how long to wait for one.
func (e *Elsewhere) Account(ctx context.Context, address string) (wait time.Duration, err error) {
	return e.take(ctx, e.accountNetworks, e.accountSites, address)
}

// Email counts an email that is asked for there, or says how long to wait for one.
func (e *Elsewhere) Email(ctx context.Context, address string) (wait time.Duration, err error) {
	return e.take(ctx, e.emailNetworks, e.emailSites, address)
}

func (e *Elsewhere) take(ctx context.Context, networks, sites *limits.Table, address string) (wait time.Duration, err error) {
	counts := []limits.Count{networks.Of(limits.Network(address)), sites.Of(limits.Site(address))}
	giveBack, wait := e.takeHere(counts)
	if wait > 0 {
		return wait, nil
	}
	_, wait, err = e.book.TakeShared(ctx, giveBack, counts, nil)
	return wait, err
}

func (e *Elsewhere) takeHere(counts []limits.Count) (giveBack func(), wait time.Duration) {
	turn := e.book.Begin()
	defer turn.End()
	return turn.Take(counts...)
}
