// Drives both Go SDKs from JSON lines: one command in, one answer out, in order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type request struct {
	Do              string            `json:"do"`
	Sdk             string            `json:"sdk"`
	Name            string            `json:"name"`
	Gateway         string            `json:"gateway"`
	AppID           string            `json:"app_id"`
	PrivateKey      string            `json:"private_key"`
	AlipayPublicKey string            `json:"alipay_public_key"`
	PublicKey       string            `json:"public_key"`
	Certs           *certs            `json:"certs"`
	Method          string            `json:"method"`
	NotifyURL       string            `json:"notify_url"`
	Biz             map[string]any    `json:"biz"`
	Params          map[string]string `json:"params"`
	Fields          map[string]string `json:"fields"`
	Content         string            `json:"content"`
	Pem             string            `json:"pem"`
	IsRoot          bool              `json:"is_root"`
}

// Paths of PEM files.
type certs struct {
	App    string `json:"app"`
	Alipay string `json:"alipay"`
	Root   string `json:"root"`
}

type answer map[string]any

// What the harness asks of each SDK.
type sdk interface {
	open(asked *request) (answer, error)
	call(asked *request) (answer, error)
	sign(asked *request) (answer, error)
	signContent(asked *request) (answer, error)
	verifyRequest(asked *request) (answer, error)
	verifyNotify(asked *request) (answer, error)
	certSN(asked *request) (answer, error)
}

func dispatch(sdks map[string]sdk, asked *request) (answer, error) {
	chosen := sdks[asked.Sdk]
	switch asked.Do {
	case "open":
		return chosen.open(asked)
	case "call":
		return chosen.call(asked)
	case "sign":
		return chosen.sign(asked)
	case "sign_content":
		return chosen.signContent(asked)
	case "verify_request":
		return chosen.verifyRequest(asked)
	case "verify_notify":
		return chosen.verifyNotify(asked)
	case "cert_sn":
		return chosen.certSN(asked)
	}
	return nil, fmt.Errorf("no %s", asked.Do)
}

func refused(err error) answer {
	return answer{"verdict": "refused", "error": err.Error()}
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	os.Stdout = os.Stderr
	sdks := map[string]sdk{"go_smartwalle": newSmartwalle(), "go_gopay": newGopay()}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		var told answer
		if err = json.Unmarshal(line, &asked); err == nil {
			told, err = dispatch(sdks, &asked)
		}
		if err != nil {
			told = answer{"error": err.Error()}
		}
		text, err := json.Marshal(told)
		if err != nil {
			text = []byte(`{"error":"unwritable"}`)
		}
		out.Write(append(text, '\n'))
		out.Flush()
	}
}
