"""A person without a browser: follows redirects, keeps cookies, fills in the forms of the pages."""

import html.parser
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy


class _Form(html.parser.HTMLParser):
    """The form of a page that signs in or decides: where it goes and its hidden fields."""

    def __init__(self, page: str, names: tuple[str, ...] = ("/login", "/consent")) -> None:
        super().__init__()
        self.action, self._names = "", names
        self.fields: dict[str, str] = {}
        self._inside = False
        self.feed(page)

    @property
    def name(self) -> str:
        return self.action.rpartition("/")[2]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form" and (attributes.get("method") or "").lower() == "post":
            action = attributes.get("action") or ""
            self._inside = action.endswith(self._names)
            self.action = action if self._inside else self.action
        elif tag == "input" and self._inside and attributes.get("type") == "hidden":
            self.fields[attributes.get("name") or ""] = attributes.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Person:
    """Signs in and decides; remembers the pages it had to answer, in order: `login`, `consent`."""

    def __init__(self, username: str = "alice", password: str = "password123") -> None:
        self.username, self.password = username, password
        self.pages: list[str] = []
        cookies = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainLiberal))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(cookies), _NoRedirect
        )

    def authorize(self, authorization_url: str, decision: str = "allow") -> str:
        """Opens an authorization URL and returns the URL the client is called back on."""
        home = _origin(authorization_url)
        status, location, page, url = self._open(authorization_url)
        for _ in range(12):
            if location:
                following = urllib.parse.urljoin(url, location)
                if _origin(following) != home:
                    return following
                status, location, page, url = self._open(following)
                continue
            form = _Form(page)
            if not form.action:
                raise RuntimeError(f"a page with nothing to decide, HTTP {status}: {_text(page)}")
            if form.name == "login":
                if self.pages[-1:] == ["login"]:
                    raise RuntimeError(f"sign-in was refused: {_text(page)}")
                form.fields |= {"username": self.username, "password": self.password}
            else:
                form.fields["decision"] = decision
            self.pages.append(form.name)
            status, location, page, url = self._open(urllib.parse.urljoin(url, form.action), form.fields)
        raise RuntimeError("the pages go round in circles")

    def let_in(self, link: str) -> None:
        """Opens a device's complete link, signs in and lets the device in (RFC 8628 section 3.3.1)."""
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["user_code"][0]
        status, location, page, url = self._open(link)
        for _ in range(12):
            if location:
                status, location, page, url = self._open(urllib.parse.urljoin(url, location))
                continue
            if status != 200:
                raise RuntimeError(f"HTTP {status}: {_text(page)}")
            form = _Form(page, ("/login", "/device", "/decision"))
            if not form.action:
                return
            form.fields |= {"username": self.username, "password": self.password}
            form.fields |= {"user_code": code, "decision": "allow"}
            status, location, page, url = self._open(urllib.parse.urljoin(url, form.action), form.fields)
        raise RuntimeError("the pages go round in circles")

    def _open(self, url: str, fields: dict[str, str] | None = None) -> tuple[int, str | None, str, str]:
        request = urllib.request.Request(url, headers={"Accept": "text/html"})
        if fields is not None:
            request.data = urllib.parse.urlencode(fields).encode()
            # What browsers add to a form's POST, and nothing can add for them.
            request.add_header("Origin", _origin(url))
            request.add_header("Sec-Fetch-Site", "same-origin")
        try:
            response = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as answer:
            response = answer
        with response:
            page = response.read().decode()
            return response.status, response.headers.get("Location"), page, url


def _origin(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _text(page: str) -> str:
    words = re.sub(r"<(style|head)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"\s+", " ", html.unescape(words)).strip()[:300]
