package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Op values of this file.
const (
	opProve          = "check password"
	opChangePassword = "change password"
	opConfirmEmail   = "confirm address"
	opResend         = "send confirmation"
	opSendReset      = "send password reset"
	opResetPassword  = "reset password"
)

// Prove checks the password of the session's user, and changes nothing. An error
// for which [IsWrongPassword] is true means that it is another one; one for which
// [IsLimited] is true that too many wrong ones were tried.
//
// The call is Latchkey's own and not part of the protocol: for a server that does
// not have it, [IsNotReported] is true of the error.
func (s *Session) Prove(ctx context.Context, password string) error {
	return s.withRefresh(ctx, request{
		op:        opProve,
		method:    http.MethodPost,
		root:      ownRoot,
		path:      path("proof"),
		body:      map[string]string{"password": password},
		secrets:   []Secret{Secret(password)},
		noContent: true,
	}, nil)
}

// ChangePassword replaces the password of the session's user, who has to know the
// current one: [IsWrongPassword] tells when it is another. All other sessions of
// the user end. [IsRefusedPassword] tells when the replacement will not do.
//
// The call is Latchkey's own and not part of the protocol: for a server that does
// not have it, [IsNotReported] is true of the error.
func (s *Session) ChangePassword(ctx context.Context, current, replacement string) error {
	return s.withRefresh(ctx, request{
		op:        opChangePassword,
		method:    http.MethodPut,
		root:      ownRoot,
		path:      path("password"),
		body:      map[string]string{"current_password": current, "new_password": replacement},
		secrets:   []Secret{Secret(current), Secret(replacement)},
		noContent: true,
	}, nil)
}

// ConfirmEmail confirms the address of an account with what was in the link of a
// email. [IsBadLink] tells when the link is used up or too old.
func (c *Client) ConfirmEmail(ctx context.Context, token Secret, tokenID string) error {
	return c.account(ctx, opConfirmEmail, "confirm", linkBody(token, tokenID), token)
}

// ResendConfirmation asks for one more email with a link for [Client.ConfirmEmail].
// Whether there is such an account, the server need not say.
func (c *Client) ResendConfirmation(ctx context.Context, email string) error {
	return c.account(ctx, opResend, "confirm/send", map[string]string{"email": email})
}

// SendResetPassword asks for an email with a link for [Client.ResetPassword]. Whether
// there is such an account, the server need not say.
func (c *Client) SendResetPassword(ctx context.Context, email string) error {
	return c.account(ctx, opSendReset, "reset/send", map[string]string{"email": email})
}

// ResetPassword sets a new password with what was in the link of an email. [IsBadLink]
// tells when the link is used up or too old, [IsRefusedPassword] when it is still
// good and the password will not do.
func (c *Client) ResetPassword(ctx context.Context, token Secret, tokenID, password string) error {
	body := linkBody(token, tokenID)
	body["password"] = password
	return c.account(ctx, opResetPassword, "reset", body, token, Secret(password))
}

// linkBody is the one place where the token of a link is written out.
func linkBody(token Secret, tokenID string) map[string]string {
	return map[string]string{"token": token.Reveal(), "tokenId": tokenID}
}

// account makes one of the calls about an account that need no session.
func (c *Client) account(ctx context.Context, op, call string, body any, secrets ...Secret) error {
	elements := append([]string{"auth", "providers", "local-userpass"}, strings.Split(call, "/")...)
	return c.call(ctx, request{
		op: op, method: http.MethodPost, path: c.appPath(elements...), body: body, secrets: secrets,
	}, nil)
}

// IsWrongPassword reports whether the password given to [Session.Prove] or
// [Session.Link], or the current one given to [Session.ChangePassword], is not that
// of the user.
func IsWrongPassword(err error) bool {
	e, ok := about(err)
	if !ok || e.Code != codeInvalidPassword {
		return false
	}
	return (e.Op == opProve || e.Op == opChangePassword) && e.Status == http.StatusForbidden || e.Op == opLink
}

// IsRefusedPassword reports whether a new password is one that the server does
// not take; the Message of the [*Error] says why.
func IsRefusedPassword(err error) bool {
	e, ok := about(err)
	return ok && e.Status == http.StatusBadRequest && !IsBadLink(err) &&
		(e.Op == opRegister || e.Op == opChangePassword || e.Op == opResetPassword)
}

// IsBadLink reports whether what was given to [Client.ConfirmEmail] or
// [Client.ResetPassword] is of a link that was used, has expired or never was.
func IsBadLink(err error) bool {
	e, ok := about(err)
	if !ok || e.Op != opConfirmEmail && e.Op != opResetPassword {
		return false
	}
	return e.Code == codeLinkInvalid || e.Status == http.StatusNotFound ||
		e.Status == http.StatusBadRequest && strings.HasPrefix(e.Message, "invalid token")
}

// IsNobodyToMail reports whether the server told that there is no account for
// [Client.ResendConfirmation] or [Client.SendResetPassword] to send an email to, or
// none that waits for it.
func IsNobodyToMail(err error) bool {
	e, ok := about(err)
	return ok && (e.Op == opResend || e.Op == opSendReset) && (e.Code == codeUserNotFound || e.Code == codeUserConfirmed)
}

// IsUnconfirmed reports whether a sign-in with [EmailPassword] was refused although
// the password is right, because nobody has confirmed the address of the account.
func IsUnconfirmed(err error) bool {
	e, ok := about(err)
	return ok && e.Op == opLogin && e.Code == codeAuthError && strings.HasSuffix(e.Path, "/local-userpass/login")
}

// errNot204 is in the error of a success that says something where there is
// nothing to say: a server that answers so to whatever it does not know has
// checked nothing.
var errNot204 = errors.New("the answer is not 204")
