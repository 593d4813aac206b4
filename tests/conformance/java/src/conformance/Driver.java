package conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Drives both Java SDKs from JSON lines: one command in, one answer out, in order. */
public final class Driver {
  static final Gson GSON = new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

  /** One SDK as the harness sees it; every method answers with the members of one JSON object. */
  interface Sdk {
    Map<String, Object> answer(JsonObject asked) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    System.setOut(System.err);
    Map<String, Sdk> sdks = Map.of("java_official", new Official(), "java_easy", new Easy());
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject asked = GSON.fromJson(line, JsonObject.class);
      Map<String, Object> told;
      try {
        told = sdks.get(asked.get("sdk").getAsString()).answer(asked);
      } catch (Exception | LinkageError error) {
        told = Map.of("error", error.toString());
      }
      out.print(GSON.toJson(told) + "\n");
      out.flush();
    }
  }

  static String text(JsonObject asked, String name) {
    return asked.has(name) && !asked.get(name).isJsonNull() ? asked.get(name).getAsString() : null;
  }

  static Map<String, String> texts(JsonObject asked, String name) {
    Map<String, String> found = new HashMap<>();
    asked.getAsJsonObject(name).entrySet().forEach(e -> found.put(e.getKey(), e.getValue().getAsString()));
    return found;
  }

  /** The node out of an answer's whole text, for the harness to read; it was verified before. */
  static Object node(String body, String method) {
    JsonObject whole = GSON.fromJson(body, JsonObject.class);
    Object named = whole.get(method.replace('.', '_') + "_response");
    return named != null ? named : whole.get("error_response");
  }

  static Map<String, Object> refused(Exception error) {
    Throwable cause = error.getCause() == null ? error : error.getCause();
    return Map.of("verdict", "refused", "error", error + " / " + cause);
  }
}
