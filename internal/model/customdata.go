package model

// MaxCustomData is how many bytes the custom data of a user has at most, as it is kept: access tokens carry it.
const MaxCustomData = 2048
