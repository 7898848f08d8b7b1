// A reader of Go's net/http and encoding/json, which matches the names of members whatever their case, and keeps the
// last of those that match. It answers with what each of its parts sees of a message.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
)

// Arguments are those that a rule names.
type Arguments struct {
	Key     any `json:"key"`
	Content any `json:"content"`
	Confirm any `json:"confirm"`
}

// Message is what a server of one tool binds a message to.
type Message struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  struct {
		Name      string    `json:"name"`
		Arguments Arguments `json:"arguments"`
	} `json:"params"`
}

// Envelope is what a server of many methods binds a message to; its params are read once the method is known.
type Envelope struct {
	Method *string         `json:"method"`
	Params json.RawMessage `json:"params"`
}

// Params are those of a call; the arguments are read once the tool is known.
type Params struct {
	Name      *string        `json:"name"`
	Arguments map[string]any `json:"arguments"`
}

type view struct {
	By        string `json:"by"`
	Method    any    `json:"method"`
	Name      any    `json:"name"`
	Arguments any    `json:"arguments"`
}

func orNothing(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (arguments Arguments) present() map[string]any {
	present := map[string]any{}
	for name, value := range map[string]any{
		"key": arguments.Key, "content": arguments.Content, "confirm": arguments.Confirm,
	} {
		if value != nil {
			present[name] = value
		}
	}
	return present
}

func views(body []byte) []view {
	seen := []view{}
	var whole Message
	if json.Unmarshal(body, &whole) == nil {
		params := whole.Params
		seen = append(seen, view{
			"Go, bound at once", orNothing(whole.Method), orNothing(params.Name), params.Arguments.present(),
		})
	}
	// Reads the first message, and does not look whether there is more.
	var envelope Envelope
	if json.NewDecoder(bytes.NewReader(body)).Decode(&envelope) == nil {
		one := view{By: "Go, bound in steps", Method: envelope.Method}
		var params Params
		if json.Unmarshal(envelope.Params, &params) == nil {
			one.Name, one.Arguments = params.Name, params.Arguments
		}
		seen = append(seen, one)
	}
	return seen
}

func main() {
	http.HandleFunc("/mcp", func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			response.WriteHeader(http.StatusBadRequest)
			return
		}
		answer, _ := json.Marshal(views(body))
		response.Header().Set("Content-Type", "application/json")
		_, _ = response.Write(answer)
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		panic(err)
	}
}
