listener "web" {
  bind = [":8080"]
  forwarded {
    trust = ["10.1.2.3/8"]
  }
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
