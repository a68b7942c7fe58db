# Every block and every attribute of the language; a test holds it to that.
include = ["more/*.hcl"]

locals {
  office  = ["10.0.0.0/8", "192.168.0.0/16"]
  version = "v${local.number}"
  number  = 2
}

process {
  user  = "www-data"
  group = "adm"
}

state {
  dir = "/var/lib/fishplate"
}

admin {
  socket = "/run/fishplate.sock"
  http {
    bind  = "127.0.0.1:9180"
    reads = "loopback"
  }
}

listener "web" {
  bind      = ["0.0.0.0:443", "[::]:443", "unix:/run/web.sock", "fd:web"]
  protocols = ["h2", "http/1.1"]
  tls {
    certificates = ["shop"]
    min_version  = "1.3"
    default      = "shop"
    client_ca    = "shop.pem"
    client_auth  = "optional"
    tickets      = "1h"
    curves       = ["X25519", "P256"]
  }
  forwarded {
    trust = local.office
    send  = ["x-forwarded", "forwarded", "via"]
  }
  path {
    slashes = "refuse"
  }
  proxy_protocol {
    from = ["10.0.0.0/8", "::1"]
  }
  accept {
    shards    = 4
    spread    = "hash"
    backlog   = 1024
    defer     = "1s"
    fast_open = true
    spin      = "80us"
  }
  limits {
    connections = 1000
    per_client  = 256
    head        = "16KiB"
    fields      = 64
    target      = "4KiB"
    body_rate   = "1KiB"
  }
  timeouts {
    head   = "5s"
    body   = "20s"
    idle   = "60s"
    write  = "25s"
    tunnel = "2h"
  }
}

listener "raw" {
  bind      = ":8443"
  protocols = ["tcp"]
  accept {
    shards = "auto"
  }
}

certificate "shop" {
  cert = "shop.pem"
  key  = "shop.key"
}

vhost "shop" {
  hosts  = ["shop.example", "*.shop.example", "Bücher.example"]
  tenant = "shop"
  cache {
    ttl   = "1m"
    grace = "1h"
    tags  = ["shop"]
    quota = "256MiB"
  }
  route "assets" {
    path    = "/assets/*"
    backend = "static"
    tenant  = "off"
    cache {
      enabled        = true
      store          = "main"
      ttl            = "1h"
      min_ttl        = "1s"
      max_ttl        = "1d"
      negative_ttl   = "10s"
      grace          = "1d"
      keep           = "2h"
      stale_if_error = "0s"
      hit_for_miss   = "1m"
      wait           = "3s"
      saint          = "15s"
      methods        = ["GET", "HEAD", "POST"]
      bypass         = cookie("session") != null
      set_cookie     = "strip"
      client         = "ignore"
      max_object     = "4MiB"
      targeted       = ["Shop-Cache-Control", "CDN-Cache-Control"]
      tags           = ["assets"]
      tag_headers    = ["Surrogate-Key"]
      range          = "whole"
      slice          = "1MiB"
      prefetch       = 2
      status         = false
      key {
        query   = "sort"
        drop    = ["utm_*", "fbclid"]
        headers = ["X-Currency"]
        cookies = ["group"]
        value   = "${local.version}${lower(method)}"
        scheme  = false
        host    = false
      }
      vary {
        ignore = ["User-Agent"]
      }
      encode {
        types   = ["text/*", "application/json"]
        codings = ["zstd", "gzip"]
        min     = "2KiB"
      }
      esi {
        depth    = 3
        includes = 16
        on_error = "fail"
      }
      purge {
        from    = local.office
        methods = ["PURGE"]
        soft    = true
      }
      synthetic {
        status  = 502
        body    = file("down.html")
        headers = { Retry-After = "60" }
        ttl     = "5s"
      }
    }
  }
  route "beta" {
    methods = ["GET", "HEAD"]
    when    = cookie("beta") == "1" || cidr(client.ip, local.office...) || header("X-Beta") != null
    split   = { app = "90%", canary = "10%" }
    mirror  = "shadow"
    cache {
      default_ttl = "2m"
      key {
        keep = ["page"]
      }
      vary {
        encoding = false
      }
    }
  }
  route "old" {
    path = "/old/*"
    redirect {
      status = 301
      to     = "/${local.version}/${path_tail}"
    }
  }
  route "down" {
    path = "~^/maintenance/x\\.html$"
    respond {
      status  = 503
      body    = file("down.html")
      headers = { Retry-After = "60" }
    }
  }
  route "all" {
    backend         = "app"
    tenant          = "one.test"
    tenant_argument = "blue"
    request {
      set     = { X-Shop = host }
      add     = { X-Via = "fishplate" }
      remove  = ["X-Debug"]
      rewrite = "/${local.version}${path}"
    }
    response {
      set    = { X-Served-By = server.name }
      add    = { X-Kind = "shop" }
      remove = ["Server"]
    }
    limits {
      body  = "10MiB"
      allow = ["10.0.0.0/8", "2001:db8::/32"]
      deny  = ["10.9.9.9"]
      rate "per-client" {
        key   = client.ip
        rate  = "100/s"
        burst = 200
      }
    }
    timeouts {
      first_byte = "30s"
    }
  }
}

vhost "tunnel" {
  sni     = ["db.example"]
  backend = "static"
}

vhost "short" {
  hosts = ["short.example"]
  split = { app = "50%", canary = "50%" }
}

backend "app" {
  balance    = [fresh("6s"), zone("eu-1a"), shuffle(), take("log2"), least("load")]
  protocol   = "auto"
  grace      = "60s"
  slow_start = "20s"
  server "a" {
    address         = "10.0.0.1:8080"
    weight          = 50
    max_connections = 200
    zone            = "eu-1a"
    state           = "drain"
  }
  server "b" {
    address    = "10.0.0.2:8080"
    slow_start = "30s"
  }
  server "c" {
    address = "10.0.0.9:8080"
    backup  = true
    grace   = "5m"
  }
  discover "dns" {
    name     = "app.internal"
    port     = 8080
    type     = "a"
    resolver = "127.0.0.1:53"
    min      = 2
  }
  tls {
    ca          = "shop.pem"
    server_name = "app.internal"
    cert        = "shop.pem"
    key         = "shop.key"
    verify      = "off"
  }
  check "http" {
    path        = "/healthz"
    host        = "app.internal"
    status      = "200-299"
    interval    = "3s"
    timeout     = "2s"
    rise        = 3
    fall        = 4
    load_header = "X-Load"
  }
  eject {
    errors = 6
    window = "11s"
    for    = "31s"
    max    = "40%"
  }
  queue {
    limit    = 500
    timeout  = "4s"
    priority = header("X-Priority")
  }
  retry {
    attempts = 1
    on       = ["connect", "reset", "503"]
    budget   = "10%"
  }
  persist "cookie" {
    mode      = "rewrite"
    name      = "APP"
    max_age   = "1h"
    idle      = "10m"
    path      = "/app"
    domain    = "shop.example"
    http_only = false
    secure    = true
    same_site = "lax"
    size      = 1000
    age       = "1h"
    on_down   = "wait"
    follow    = "session"
  }
  timeouts {
    connect    = "2s"
    first_byte = "50s"
    idle       = "40s"
  }
  pool {
    idle    = 32
    max_age = "5m"
  }
}

backend "canary" {
  servers = ["10.0.1.1:8080"]
  balance = [hash(path, "rendezvous"), bounded(1.25)]
  persist "source" {
    mask  = 24
    mask6 = 56
  }
}

tenant "shop" {
  program      = "shop.elf"
  arguments    = ["--blue"]
  memory       = "32MiB"
  instructions = 1000000
  time         = "100ms"
  concurrency  = 32
  queue        = 16
  share        = 20
  backends     = ["app", "canary"]
  on_fault     = "pass"
  jit          = "off"
  rate         = 500000000
  forks        = 50
  fetches      = 4
  max_response = "1MiB"
  log_rate     = "20/s"
  storage {
    memory = "16MiB"
  }
  update {
    key      = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    max_size = "2MiB"
    rate     = "1/m"
    warm_up  = ["/", "POST /cart?x=1"]
  }
  token "ci" {
    sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  }
  shadow {
    program = "one.elf"
    share   = "5%"
  }
  cache {
    quota = "64MiB"
  }
  debug {
    # a share of all, and what failed
    record   = "1%"
    on_fault = true
    ring     = "1MiB"
  }
}

program "shop" {
  sha256     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  instead_of = "0123456789abcdef"
  version    = 3
  signature  = "AA=="
}

tenants "file" {
  path = "tenants.json"
}

tenants "inline" {
  base = "."
  json = <<EOT
{
  "two.example": {"filename": "one.elf"}
}
EOT
}

cache "main" {
  memory     = "512MiB"
  max_object = "8MiB"
  disk {
    path = "cache"
    size = "20GiB"
  }
}

log "access" {
  path   = "access.log"
  format = "text"
  sample = "50%"
}
