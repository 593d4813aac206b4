package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/url"

	"github.com/smartwalle/alipay/v3"
	"github.com/smartwalle/ncrypto"
	"github.com/smartwalle/nsign"
)

// github.com/smartwalle/alipay/v3
type smartwalle struct {
	clients map[string]*alipay.Client
	private map[string]*rsa.PrivateKey
}

func newSmartwalle() *smartwalle {
	return &smartwalle{map[string]*alipay.Client{}, map[string]*rsa.PrivateKey{}}
}

func (s *smartwalle) open(asked *request) (answer, error) {
	client, err := alipay.New(
		asked.AppID, asked.PrivateKey, false, alipay.WithSandboxGateway(asked.Gateway))
	if err != nil {
		return nil, err
	}
	if asked.Certs == nil {
		err = client.LoadAliPayPublicKey(asked.AlipayPublicKey)
	} else {
		err = errors.Join(
			client.LoadAppCertPublicKeyFromFile(asked.Certs.App),
			client.LoadAlipayCertPublicKeyFromFile(asked.Certs.Alipay),
			client.LoadAliPayRootCertFromFile(asked.Certs.Root),
		)
	}
	s.clients[asked.Name] = client
	return answer{}, err
}

func (s *smartwalle) call(asked *request) (answer, error) {
	payload := alipay.NewPayload(asked.Method)
	for name, value := range asked.Biz {
		payload.AddBizField(name, value)
	}
	if asked.NotifyURL != "" {
		payload.AddParam("notify_url", asked.NotifyURL)
	}
	var node map[string]any
	if err := s.clients[asked.Name].Request(context.Background(), payload, &node); err != nil {
		return refused(err), nil
	}
	return answer{"verdict": "verified", "node": node}, nil
}

// As URLValues fills them in: without what is empty.
func filled(params map[string]string) url.Values {
	values := url.Values{}
	for name, value := range params {
		if value != "" {
			values.Add(name, value)
		}
	}
	return values
}

func (s *smartwalle) key(text string) (*rsa.PrivateKey, error) {
	if known, ok := s.private[text]; ok {
		return known, nil
	}
	key, err := ncrypto.DecodePrivateKey([]byte(text)).PKCS1().RSAPrivateKey()
	s.private[text] = key
	return key, err
}

func (s *smartwalle) signer(text string) (nsign.Signer, error) {
	key, err := s.key(text)
	method := nsign.NewRSAMethod(crypto.SHA256, key, nil)
	return nsign.New(nsign.WithMethod(method), nsign.WithEncoder(&alipay.Encoder{})), err
}

func (s *smartwalle) sign(asked *request) (answer, error) {
	signer, err := s.signer(asked.PrivateKey)
	if err != nil {
		return nil, err
	}
	values := filled(asked.Params)
	content, err := (&alipay.Encoder{}).EncodeValues(&bytes.Buffer{}, values, &nsign.SignOptions{})
	if err != nil {
		return nil, err
	}
	signature, err := signer.SignValues(values)
	encoded := base64.StdEncoding.EncodeToString(signature)
	return answer{"content": string(content), "sign": encoded}, err
}

func (s *smartwalle) signContent(asked *request) (answer, error) {
	signer, err := s.signer(asked.PrivateKey)
	if err != nil {
		return nil, err
	}
	signature, err := signer.SignBytes([]byte(asked.Content))
	return answer{"sign": base64.StdEncoding.EncodeToString(signature)}, err
}

func (s *smartwalle) verifyRequest(asked *request) (answer, error) {
	key, err := ncrypto.DecodePublicKey([]byte(asked.PublicKey)).PKIX().RSAPublicKey()
	if err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(asked.Params["sign"])
	if err != nil {
		return nil, err
	}
	verifier := nsign.New(
		nsign.WithMethod(nsign.NewRSAMethod(crypto.SHA256, nil, key)),
		nsign.WithEncoder(&alipay.Encoder{}))
	err = verifier.VerifyValues(filled(asked.Params), signature, nsign.WithIgnore("sign"))
	return answer{"valid": err == nil}, nil
}

func (s *smartwalle) verifyNotify(asked *request) (answer, error) {
	client := s.clients["notify "+asked.PublicKey]
	if client == nil {
		made, err := alipay.New("x", asked.PrivateKey, false)
		if err != nil {
			return nil, err
		}
		if err = made.LoadAliPayPublicKey(asked.PublicKey); err != nil {
			return nil, err
		}
		client, s.clients["notify "+asked.PublicKey] = made, made
	}
	values := url.Values{}
	for name, value := range asked.Fields {
		values.Set(name, value)
	}
	return answer{"valid": client.VerifySign(values) == nil}, nil
}

// The SDK shows a number only in what it would send.
func (s *smartwalle) certSN(asked *request) (answer, error) {
	client, err := alipay.New("x", asked.PrivateKey, false)
	if err != nil {
		return nil, err
	}
	name := "app_cert_sn"
	if asked.IsRoot {
		name = "alipay_root_cert_sn"
		err = client.LoadAliPayRootCert(asked.Pem)
	} else {
		err = client.LoadAppCertPublicKey(asked.Pem)
	}
	if err != nil {
		return nil, err
	}
	values, err := client.URLValues(alipay.NewPayload("alipay.trade.query"))
	return answer{"sn": values.Get(name)}, err
}
