listener "web" { bind = [":8080"] }
backend "app" {
  discover "dns" {
    name = "x"
    type = "a"
  }
}
vhost "any" { backend = "app" }
