backend "app" { servers = ["127.0.0.1:1"] }
vhost "café" { backend = "app" }
vhost "café" {
  hosts   = ["b.test"]
  backend = "app"
}
