listener "web" {
  bind = [":8080"]
  protocol = ["http/1.1"]
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
