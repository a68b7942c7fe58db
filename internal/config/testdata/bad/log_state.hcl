state { dir = "/var/lib/fishplate" }
listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
log "access" { path = "/var/lib/fishplate/../fishplate/secret" }
