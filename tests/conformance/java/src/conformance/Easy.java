package conformance;

import com.alipay.easysdk.factory.Factory;
import com.alipay.easysdk.kernel.Config;
import com.alipay.easysdk.kernel.Context;
import com.alipay.easysdk.kernel.util.AntCertificationUtil;
import com.alipay.easysdk.kernel.util.Signer;
import com.alipay.easysdk.util.generic.Client;
import com.google.gson.JsonObject;
import com.google.gson.reflect.TypeToken;
import java.lang.reflect.Type;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;

/** com.alipay.sdk:alipay-easysdk. */
final class Easy implements Driver.Sdk {
  private static final Type MAP = new TypeToken<Map<String, Object>>() {}.getType();
  private final Map<String, Config> configs = new HashMap<>();
  private final Map<String, com.alipay.easysdk.kernel.Client> kernels = new HashMap<>();

  @Override
  public Map<String, Object> answer(JsonObject asked) throws Exception {
    String key = Driver.text(asked, "public_key");
    switch (Driver.text(asked, "do")) {
      case "open":
        return open(asked);
      case "call":
        return call(asked);
      case "sign":
        return Map.of("sign", kernel(asked).sign(
            Driver.texts(asked, "params"), Map.of(), Map.of(),
            Driver.text(asked, "private_key_pkcs8")));
      case "sign_content":
        return Map.of("sign", new Signer().sign(
            Driver.text(asked, "content"), Driver.text(asked, "private_key_pkcs8")));
      case "verify_request":
        return Map.of("valid", Signer.verify(
            Driver.text(asked, "content"), Driver.texts(asked, "params").get("sign"), key));
      case "verify_notify":
        return Map.of("valid", Signer.verifyParams(Driver.texts(asked, "fields"), key));
      case "cert_sn":
        return certSn(Driver.text(asked, "pem"), asked.get("is_root").getAsBoolean());
      default:
        return Map.of("error", "unknown command");
    }
  }

  private static Map<String, Object> certSn(String pem, boolean isRoot) throws Exception {
    if (isRoot) {
      return Map.of("sn", AntCertificationUtil.getRootCertSN(pem));
    }
    // This one takes the text, too: its callers read the file first.
    return Map.of("sn", AntCertificationUtil.getCertSN(pem));
  }

  private com.alipay.easysdk.kernel.Client kernel(JsonObject asked) throws Exception {
    String key = Driver.text(asked, "private_key_pkcs8");
    if (!kernels.containsKey(key)) {
      Config config = new Config();
      config.protocol = "http";
      config.gatewayHost = "127.0.0.1";
      config.signType = "RSA2";
      config.appId = "x";
      config.merchantPrivateKey = key;
      config.alipayPublicKey = "x";
      kernels.put(key,
          new com.alipay.easysdk.kernel.Client(new Context(config, Factory.SDK_VERSION)));
    }
    return kernels.get(key);
  }

  private Map<String, Object> open(JsonObject asked) {
    URI gateway = URI.create(Driver.text(asked, "gateway"));
    Config config = new Config();
    config.protocol = gateway.getScheme();
    config.gatewayHost = gateway.getAuthority();
    config.signType = "RSA2";
    config.appId = Driver.text(asked, "app_id");
    config.merchantPrivateKey = Driver.text(asked, "private_key_pkcs8");
    if (asked.has("certs")) {
      JsonObject certs = asked.getAsJsonObject("certs");
      config.merchantCertPath = Driver.text(certs, "app");
      config.alipayCertPath = Driver.text(certs, "alipay");
      config.alipayRootCertPath = Driver.text(certs, "root");
    } else {
      config.alipayPublicKey = Driver.text(asked, "alipay_public_key");
    }
    configs.put(Driver.text(asked, "name"), config);
    return Map.of();
  }

  private Map<String, Object> call(JsonObject asked) throws Exception {
    Config config = configs.get(Driver.text(asked, "name"));
    // A client keeps its optional parameters: a fresh one per call, as Factory makes them.
    Client client = new Client(
        new com.alipay.easysdk.kernel.Client(new Context(config, Factory.SDK_VERSION)));
    if (Driver.text(asked, "notify_url") != null) {
      client.asyncNotify(Driver.text(asked, "notify_url"));
    }
    String method = Driver.text(asked, "method");
    Map<String, Object> biz = Driver.GSON.fromJson(asked.get("biz"), MAP);
    try {
      String body = client.execute(method, null, biz).httpBody;
      Map<String, Object> told = new HashMap<>();
      told.put("verdict", "verified");
      told.put("node", Driver.node(body, method));
      return told;
    } catch (Exception error) {
      return Driver.refused(error);
    }
  }
}
