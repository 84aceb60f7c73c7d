package views

import (
	"context"
	"strings"
)

// OwnerField is the field of a form, the header of a request by script and the word in an address that say whose page they are from.
const OwnerField = "owner"

type ownerKey struct{}

// WithOwner has everything that is drawn in the context say whose page it is on. The owner is a tag without spaces whose first part,
// up to a colon, is enough to tell one account from another; it is no secret. "" says nothing.
func WithOwner(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

func ownerOf(ctx context.Context) string {
	owner, _ := ctx.Value(ownerKey{}).(string)
	return owner
}

// ownerID is as much of it as belongs into an address: those are in logs.
func ownerID(ctx context.Context) string {
	id, _, _ := strings.Cut(ownerOf(ctx), ":")
	return id
}
