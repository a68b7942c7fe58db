# The configuration of the service. After a change:
#   fishplate check /etc/fishplate/fishplate.hcl && systemctl reload fishplate
admin {
  socket = "/run/fishplate/fishplate.sock"
}

state {
  dir = "/var/lib/fishplate"
}

log "access" {
  path = "/var/log/fishplate/access.log"
}

listener "web" {
  bind = [":80"]
}

vhost "default" {
  route "welcome" {
    respond {
      status = 200
      body   = "Fishplate serves. Its configuration is /etc/fishplate/fishplate.hcl\n"
    }
  }
}
