// Package connectortest examines connectors.
package connectortest
