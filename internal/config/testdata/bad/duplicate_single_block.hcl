listener "web" {
  bind = [":8080"]
  limits {
    fields = 10
  }
  limits {
    fields = 12
  }
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
