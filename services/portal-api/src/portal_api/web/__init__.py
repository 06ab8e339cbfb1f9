"""The plain server-rendered pages: what the journey made, readable. No script, one stylesheet, a strict CSP."""
