// A reader of Jackson, bound without regard to the case of names. It answers with what each of its parts sees of a
// message.
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public final class Jackson {
  public static final class Message {
    public String jsonrpc;
    public Object id;
    public String method;
    public Params params;
  }

  public static final class Params {
    public String name;
    public Arguments arguments;
  }

  public static final class Arguments {
    public Object key;
    public Object content;
    public Object confirm;
    @JsonAnySetter public Map<String, Object> others = new HashMap<>();

    Map<String, Object> present() {
      Map<String, Object> present = new HashMap<>(others);
      present.put("key", key);
      present.put("content", content);
      present.put("confirm", confirm);
      present.values().removeIf(value -> value == null);
      return present;
    }
  }

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
          .build();
  private static final Pattern CHARSET = Pattern.compile("charset\\s*=\\s*\"?([^\\s;\"]+)", Pattern.CASE_INSENSITIVE);

  private interface Read<T> {
    T from(byte[] body) throws IOException;
  }

  private static Map<String, Object> view(String by, Object method, Object name, Object arguments) {
    Map<String, Object> view = new HashMap<>();
    view.put("by", by);
    view.put("method", method);
    view.put("name", name);
    view.put("arguments", arguments);
    return view;
  }

  private static void bound(List<Object> seen, String by, Read<Message> read, byte[] body) {
    try {
      Message message = read.from(body);
      if (message == null) return;
      Params params = message.params == null ? new Params() : message.params;
      Object arguments = params.arguments == null ? null : params.arguments.present();
      seen.add(view(by, message.method, params.name, arguments));
    } catch (IOException refused) {
      // Nothing is seen of what it does not read.
    }
  }

  private static void tree(List<Object> seen, byte[] body) {
    try {
      JsonNode message = MAPPER.readTree(body);
      JsonNode params = message.path("params");
      seen.add(view("Jackson's tree", value(message, "method"), value(params, "name"), value(params, "arguments")));
    } catch (IOException refused) {
      // As above.
    }
  }

  private static JsonNode value(JsonNode node, String name) {
    JsonNode member = node.path(name);
    return member.isMissingNode() ? null : member;
  }

  private static void answer(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    List<Object> seen = new ArrayList<>();
    bound(seen, "Jackson, by the bytes", bytes -> MAPPER.readValue(bytes, Message.class), body);
    tree(seen, body);
    String type = String.join(",", exchange.getRequestHeaders().getOrDefault("Content-Type", List.of()));
    Matcher named = CHARSET.matcher(type);
    if (named.find()) {
      try {
        Charset charset = Charset.forName(named.group(1));
        Read<Message> read = bytes -> MAPPER.readValue(new String(bytes, charset), Message.class);
        bound(seen, "Jackson, by the charset", read, body);
      } catch (IllegalArgumentException unknown) {
        // A charset that Java does not have.
      }
    }
    byte[] text = MAPPER.writeValueAsBytes(seen);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, text.length);
    exchange.getResponseBody().write(text);
    exchange.close();
  }

  public static void main(String[] arguments) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);
    server.createContext("/mcp", Jackson::answer);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
  }
}
