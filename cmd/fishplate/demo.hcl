# The demo's configuration. `fishplate demo --print-config` prints it.
admin {
  socket = "@SOCKET@"
  http {
    bind = "@METRICS@"
  }
}

state {
  dir = "@DIR@/state"
}

log "access" {
  path = "@DIR@/access.log"
}

listener "web" {
  bind = ["@BIND@"]
}

# Three origins in two backends.
backend "app" {
  server "app-1" {
    address = "@APP1@"
  }
  server "app-2" {
    address = "@APP2@"
  }
  check "http" {
    path     = "/healthz"
    interval = "2s"
  }
}

backend "canary" {
  server "canary-1" {
    address = "@CANARY@"
  }
}

# Two tenants' programs, RISC-V ELF files: one written in C, one in C++.
tenant "hello" {
  program = "hello.elf"
}

tenant "shop" {
  program  = "shop.elf"
  backends = ["app", "canary"]
}

# Switching by host …
vhost "hello" {
  hosts   = ["hello.example"]
  tenant  = "hello"
  backend = "app"
}

vhost "shop" {
  hosts   = ["shop.example"]
  tenant  = "shop"
  backend = "app"
}

# … by path, and by cookie. What is below /cached/ is fetched once in ten seconds.
vhost "any" {
  route "cached" {
    path    = "/cached/*"
    backend = "app"
    cache {
      ttl   = "10s"
      grace = "1m"
      tags  = ["demo"]
    }
  }
  route "new" {
    path    = "/new/*"
    backend = "canary"
  }
  route "testers" {
    when    = cookie("group") == "canary"
    backend = "canary"
  }
  route "all" {
    backend = "app"
  }
}
