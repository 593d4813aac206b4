package conformance;

import com.alipay.api.AlipayApiException;
import com.alipay.api.AlipayClient;
import com.alipay.api.AlipayConfig;
import com.alipay.api.AlipayRequest;
import com.alipay.api.AlipayResponse;
import com.alipay.api.DefaultAlipayClient;
import com.alipay.api.internal.util.AlipaySignature;
import com.alipay.api.internal.util.AntCertificationUtil;
import com.google.gson.JsonObject;
import java.util.HashMap;
import java.util.Map;

/** com.alipay.sdk:alipay-sdk-java. */
final class Official implements Driver.Sdk {
  private final Map<String, AlipayClient> clients = new HashMap<>();
  private final Map<String, Boolean> certified = new HashMap<>();

  @Override
  public Map<String, Object> answer(JsonObject asked) throws Exception {
    String key = Driver.text(asked, "public_key");
    switch (Driver.text(asked, "do")) {
      case "open":
        return open(asked);
      case "call":
        return call(asked);
      case "content":
        return Map.of("content", AlipaySignature.getSignContent(Driver.texts(asked, "params")));
      case "sign":
        return sign(AlipaySignature.getSignContent(Driver.texts(asked, "params")), asked);
      case "sign_content":
        return sign(Driver.text(asked, "content"), asked);
      case "verify_request":
        return Map.of("valid",
            AlipaySignature.rsaCheckV2(Driver.texts(asked, "params"), key, "utf-8", "RSA2"));
      case "verify_notify":
        return Map.of("valid",
            AlipaySignature.rsaCheckV1(Driver.texts(asked, "fields"), key, "utf-8", "RSA2"));
      case "cert_sn":
        String pem = Driver.text(asked, "pem");
        return Map.of("sn", asked.get("is_root").getAsBoolean()
            ? AntCertificationUtil.getRootCertSN(pem)
            : AntCertificationUtil.getCertSN(AntCertificationUtil.getCertFromContent(pem)));
      default:
        return Map.of("error", "unknown command");
    }
  }

  private static Map<String, Object> sign(String content, JsonObject asked)
      throws AlipayApiException {
    String charset = asked.has("charset") ? Driver.text(asked, "charset") : "utf-8";
    String key = Driver.text(asked, "private_key_pkcs8");
    return Map.of("content", content, "sign", AlipaySignature.rsaSign(content, key, charset, "RSA2"));
  }

  private Map<String, Object> open(JsonObject asked) throws AlipayApiException {
    AlipayConfig config = new AlipayConfig();
    config.setServerUrl(Driver.text(asked, "gateway"));
    config.setAppId(Driver.text(asked, "app_id"));
    config.setPrivateKey(Driver.text(asked, "private_key_pkcs8"));
    config.setFormat("json");
    config.setCharset("utf-8");
    config.setSignType("RSA2");
    String name = Driver.text(asked, "name");
    JsonObject certs = asked.has("certs") ? asked.getAsJsonObject("certs") : null;
    if (certs == null) {
      config.setAlipayPublicKey(Driver.text(asked, "alipay_public_key"));
    } else {
      config.setAppCertPath(Driver.text(certs, "app"));
      config.setAlipayPublicCertPath(Driver.text(certs, "alipay"));
      config.setRootCertPath(Driver.text(certs, "root"));
    }
    clients.put(name, new DefaultAlipayClient(config));
    certified.put(name, certs != null);
    return Map.of();
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private Map<String, Object> call(JsonObject asked) throws Exception {
    String method = Driver.text(asked, "method");
    StringBuilder type = new StringBuilder("com.alipay.api.request.");
    for (String part : method.split("\\.")) {
      type.append(Character.toUpperCase(part.charAt(0))).append(part.substring(1));
    }
    AlipayRequest request =
        (AlipayRequest) Class.forName(type + "Request").getDeclaredConstructor().newInstance();
    request.getClass().getMethod("setBizContent", String.class)
        .invoke(request, Driver.GSON.toJson(asked.get("biz")));
    if (Driver.text(asked, "notify_url") != null) {
      request.setNotifyUrl(Driver.text(asked, "notify_url"));
    }
    String name = Driver.text(asked, "name");
    try {
      AlipayClient client = clients.get(name);
      AlipayResponse response =
          certified.get(name) ? client.certificateExecute(request) : client.execute(request);
      Map<String, Object> told = new HashMap<>();
      // A failure without a signature is handed over all the same.
      JsonObject whole = Driver.GSON.fromJson(response.getBody(), JsonObject.class);
      boolean isSigned = whole.has("sign") && !whole.get("sign").getAsString().isEmpty();
      told.put("verdict", isSigned ? "verified" : "unverified");
      told.put("node", Driver.node(response.getBody(), method));
      return told;
    } catch (AlipayApiException | RuntimeException error) {
      return Driver.refused(error);
    }
  }
}
