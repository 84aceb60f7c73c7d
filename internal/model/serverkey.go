package model

// MaxServerKeys is how many keys there may be at once that belong to no person, those turned off included.
const MaxServerKeys = 100
