// Package hopid gives each proxied request an id of its own, so that the two access log lines of a
// cross-server call can be joined exactly: the next proxy's X-Hop-Parent is this proxy's X-Hop-Id.
package hopid

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

const (
	idHeader     = "X-Hop-Id"
	parentHeader = "X-Hop-Parent"
	idBytes      = 16
)

// Config has no options.
type Config struct{}

// CreateConfig returns the default configuration.
func CreateConfig() *Config { return &Config{} }

type middleware struct{ next http.Handler }

// New builds the middleware.
func New(_ context.Context, next http.Handler, _ *Config, _ string) (http.Handler, error) {
	return &middleware{next: next}, nil
}

func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A parent that the client names itself is dropped: only a received id becomes one.
	parent := r.Header.Get(idHeader)
	r.Header.Del(parentHeader)
	r.Header.Del(idHeader)
	if parent != "" {
		r.Header.Set(parentHeader, parent)
	}
	id := make([]byte, idBytes)
	if _, err := rand.Read(id); err == nil {
		r.Header.Set(idHeader, hex.EncodeToString(id))
	}
	m.next.ServeHTTP(w, r)
}
