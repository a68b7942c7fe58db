listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "a" {
  hosts   = ["x.test"]
  backend = "app"
}
vhost "b" {
  hosts   = ["X.test."]
  backend = "app"
}
