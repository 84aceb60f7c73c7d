// Package upstream lets the dashboard manage keys that another server has: any that speaks the client API of App Services. It asks
// through package client, keeps to what that server asks for, finds out what became of an act whose answer got lost, and writes
// down what was done, since the other server keeps no list for us.
package upstream
