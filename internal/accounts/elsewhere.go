package accounts

import (
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
// like Limits.
type Elsewhere struct {
	book                          *limits.Book
	accountNetworks, accountSites *limits.Table
	emailNetworks, emailSites     *limits.Table
}

// NewElsewhere returns counts of nothing yet.
func NewElsewhere(now func() time.Time) *Elsewhere {
	book := limits.NewBook(now, quotaSweep)
	buckets := func(most int) *limits.Table {
		return book.Buckets(most, time.Hour/time.Duration(most)).Bound(maxCounted, quotaSweep)
	}
	windows := func(most int) *limits.Table {
		return book.Windows(limits.Rule{Most: most, In: emailStretch}).Bound(maxCounted, quotaSweep)
	}
	return &Elsewhere{
		book:            book,
		accountNetworks: buckets(networkRegistrationsElsewhere), accountSites: buckets(siteRegistrationsElsewhere),
		emailNetworks: windows(networkEmailsElsewhere), emailSites: windows(siteEmailsElsewhere),
	}
}

// Account counts an account that is to be created there, or says how long to wait for one.
func (e *Elsewhere) Account(address string) (wait time.Duration) {
	return e.take(e.accountNetworks, e.accountSites, address)
}

// Email counts an email that is asked for there, or says how long to wait for one.
func (e *Elsewhere) Email(address string) (wait time.Duration) {
	return e.take(e.emailNetworks, e.emailSites, address)
}

func (e *Elsewhere) take(networks, sites *limits.Table, address string) (wait time.Duration) {
	turn := e.book.Begin()
	defer turn.End()
	_, wait = turn.Take(networks.Of(limits.Network(address)), sites.Of(limits.Site(address)))
	return wait
}
