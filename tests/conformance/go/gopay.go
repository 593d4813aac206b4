package main

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"crypto/x509"

	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/alipay"
)

// github.com/go-pay/gopay
type goPay struct {
	clients map[string]*alipay.Client
	private map[string]*rsa.PrivateKey
}

func newGopay() *goPay {
	return &goPay{map[string]*alipay.Client{}, map[string]*rsa.PrivateKey{}}
}

// The SDK's address is a constant; the request goes to `gateway` instead, query and all.
type redirected struct{ gateway *url.URL }

func (r redirected) RoundTrip(sent *http.Request) (*http.Response, error) {
	moved := sent.Clone(sent.Context())
	moved.URL.Scheme, moved.URL.Host = r.gateway.Scheme, r.gateway.Host
	moved.URL.Path, moved.Host = r.gateway.Path, r.gateway.Host
	return http.DefaultTransport.RoundTrip(moved)
}

func armoured(key string) []byte {
	return []byte("-----BEGIN PUBLIC KEY-----\n" + key + "\n-----END PUBLIC KEY-----\n")
}

func (g *goPay) open(asked *request) (answer, error) {
	client, err := alipay.NewClient(asked.AppID, asked.PrivateKey, true)
	if err != nil {
		return nil, err
	}
	gateway, err := url.Parse(asked.Gateway)
	if err != nil {
		return nil, err
	}
	client.GetHttpClient().SetTransport(redirected{gateway})
	g.clients[asked.Name] = client
	if asked.Certs == nil {
		client.AutoVerifySign(armoured(asked.AlipayPublicKey))
		return answer{}, nil
	}
	content, err := os.ReadFile(asked.Certs.Alipay)
	if err != nil {
		return nil, err
	}
	client.AutoVerifySign(content)
	return answer{}, client.SetCertSnByPath(
		asked.Certs.App, asked.Certs.Root, asked.Certs.Alipay)
}

func (g *goPay) call(asked *request) (answer, error) {
	client, body := g.clients[asked.Name], gopay.BodyMap{}
	for name, value := range asked.Biz {
		body.Set(name, value)
	}
	if asked.NotifyURL != "" {
		body.Set("notify_url", asked.NotifyURL)
	}
	node, err := ask(client, asked.Method, body)
	if err == nil {
		return answer{"verdict": "verified", "node": node}, nil
	}
	if business, ok := alipay.IsBizError(err); ok {
		// Handed over before the signature was looked at.
		return answer{"verdict": "unverified", "node": business}, nil
	}
	return refused(err), nil
}

func ask(client *alipay.Client, method string, body gopay.BodyMap) (any, error) {
	ctx := context.Background()
	switch method {
	case "alipay.trade.pay":
		told, err := client.TradePay(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.query":
		told, err := client.TradeQuery(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.refund":
		told, err := client.TradeRefund(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.fastpay.refund.query":
		told, err := client.TradeFastPayRefundQuery(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.cancel":
		told, err := client.TradeCancel(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.close":
		told, err := client.TradeClose(ctx, body)
		return found(told, err, func() any { return told.Response })
	case "alipay.trade.precreate":
		told, err := client.TradePrecreate(ctx, body)
		return found(told, err, func() any { return told.Response })
	}
	return nil, fmt.Errorf("no %s", method)
}

func found[T any](told *T, err error, node func() any) (any, error) {
	if err != nil || told == nil {
		return nil, errors.Join(err)
	}
	return node(), nil
}

func bodyMap(params map[string]string) gopay.BodyMap {
	body := gopay.BodyMap{}
	for name, value := range params {
		body.Set(name, value)
	}
	return body
}

func (g *goPay) key(text string) (*rsa.PrivateKey, error) {
	if known, ok := g.private[text]; ok {
		return known, nil
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	g.private[text] = key
	return key, err
}

func (g *goPay) sign(asked *request) (answer, error) {
	key, err := g.key(asked.PrivateKey)
	if err != nil {
		return nil, err
	}
	body := bodyMap(asked.Params)
	signature, err := alipay.GetRsaSign(body, "RSA2", key)
	return answer{"content": body.EncodeAliPaySignParams(), "sign": signature}, err
}

// It signs maps only; one whose single entry spells the content is that content.
func (g *goPay) signContent(asked *request) (answer, error) {
	key, err := g.key(asked.PrivateKey)
	if err != nil {
		return nil, err
	}
	for at, letter := range asked.Content {
		if letter == '=' {
			body := bodyMap(map[string]string{asked.Content[:at]: asked.Content[at+1:]})
			signature, err := alipay.GetRsaSign(body, "RSA2", key)
			return answer{"sign": signature}, err
		}
	}
	return nil, errors.New("no content")
}

func (g *goPay) verifyRequest(asked *request) (answer, error) {
	body := bodyMap(asked.Params)
	body.Remove("sign")
	valid, err := alipay.VerifySyncSign(
		asked.PublicKey, body.EncodeAliPaySignParams(), asked.Params["sign"])
	return answer{"valid": valid && err == nil}, nil
}

func (g *goPay) verifyNotify(asked *request) (answer, error) {
	valid, err := alipay.VerifySign(asked.PublicKey, bodyMap(asked.Fields))
	return answer{"valid": valid && err == nil}, nil
}

func (g *goPay) certSN(asked *request) (answer, error) {
	number := alipay.GetCertSN
	if asked.IsRoot {
		number = alipay.GetRootCertSN
	}
	sn, err := number([]byte(asked.Pem))
	return answer{"sn": sn}, err
}
