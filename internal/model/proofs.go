package model

// Proofs are the ways in which a person can show, while they are signed in, that it is they.
type Proofs struct {
	Password bool
	Passkey  bool
	OpenID   []OpenID
}

// None says that there is no way at all.
func (p Proofs) None() bool { return !p.Password && !p.Passkey && len(p.OpenID) == 0 }
