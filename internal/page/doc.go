// Package page has the page for people: static files, which the browser fills with what the admin address serves as JSON.
// The files contain no data, so they are served to anyone who reaches the address.
//
// Handler is the only entry point. The sources of dist are in ui.
package page
