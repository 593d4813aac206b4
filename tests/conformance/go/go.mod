module damselfly/conformance

go 1.23.0

require (
	github.com/go-pay/gopay v1.5.114
	github.com/smartwalle/alipay/v3 v3.2.23
	github.com/smartwalle/ncrypto v1.0.4
	github.com/smartwalle/nsign v1.0.9
)

require (
	github.com/go-pay/crypto v0.0.1 // indirect
	github.com/go-pay/xlog v0.0.3 // indirect
	github.com/go-pay/xtime v0.0.2 // indirect
	github.com/smartwalle/ngx v1.0.9 // indirect
)
