listener "web" {
  bind = [":8080"]
  limits {
    fields = 1
  }
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" { backend = "app" }
