// Counts once, however often it has to ask: go run increment.go URL KEY [N]
//
// One Idempotency-Key is drawn for the increment and sent with every attempt. Lost connections, 409 (the first attempt is
// still running), 429 and 5xx are tried again for a minute, after what Retry-After says or a pause that grows.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

var client = http.Client{Timeout: 5 * time.Second}

type answer struct {
	status     int // 0: the connection was lost
	retryAfter time.Duration
	body       []byte
}

func attempt(url string, body []byte, token string) answer {
	request, err := http.NewRequest("POST", url+"/increment", bytes.NewReader(body))
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", token)
	response, err := client.Do(request)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return answer{response.StatusCode, time.Duration(seconds) * time.Second, text}
}

// increment returns the counter's total; nil where the increment is kept and the total is not known now.
func increment(url, key string, value int64) (*int64, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	token := fmt.Sprintf("%x", random)
	body, err := json.Marshal(map[string]any{"key": key, "value": value})
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(time.Minute)
	pause := 200 * time.Millisecond
	for {
		a := attempt(url, body, token)
		if a.status >= 200 && a.status < 300 {
			var total struct{ Data struct{ Value *int64 } }
			err := json.Unmarshal(a.body, &total)
			return total.Data.Value, err
		}
		if a.status != 0 && a.status < 500 && a.status != 409 && a.status != 429 {
			return nil, fmt.Errorf("refused with %d: %s", a.status, a.body)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("given up, counted once or not at all: %d %s", a.status, a.body)
		}
		wait := pause
		if a.retryAfter > 0 {
			wait = a.retryAfter
		}
		fmt.Fprintf(os.Stderr, "increment: status %d, again in %v\n", a.status, wait)
		time.Sleep(wait)
		if pause < 8*time.Second {
			pause *= 2
		}
	}
}

func main() {
	value := int64(1)
	if len(os.Args) > 3 {
		var err error
		if value, err = strconv.ParseInt(os.Args[3], 10, 64); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	total, err := increment(os.Args[1], os.Args[2], value)
	if err != nil {
		fmt.Fprintln(os.Stderr, "increment:", err)
		os.Exit(1)
	}
	if total == nil {
		fmt.Println("null")
		return
	}
	fmt.Println(*total)
}
