listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  grace = local.grce
}
vhost "any" { backend = "app" }
locals {
  grace = "1s"
}
